//! Fencing: the highest token seen for each project and environment is on disk before the first effect under it, and
//! who comes with a lower one is refused. A higher token waits for mutations under way, so that none of an older
//! holder takes effect after [`Fences::enter`] has returned.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use shipway_control::host::{FencingToken, HostError};
use tokio::{
    sync::{OwnedRwLockReadGuard, RwLock},
    task::spawn_blocking,
};

use crate::{
    fault::{During, failure},
    file,
    layout::Layout,
};

/// While it is held nobody comes in with a higher token.
pub(crate) type Entered = OwnedRwLockReadGuard<Option<u64>>;

/// One for each project and environment; `None` until it has been read from disk.
type Fence = Arc<RwLock<Option<u64>>>;

/// The fences of one data directory.
#[derive(Debug)]
pub(crate) struct Fences {
    layout: Layout,
    known: Mutex<HashMap<(String, String), Fence>>,
}

impl Fences {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, known: Mutex::default() }
    }

    /// Lets a mutation in, or refuses it as stale.
    pub(crate) async fn enter(
        &self,
        project: &str,
        environment: &str,
        token: FencingToken,
    ) -> Result<Entered, HostError> {
        let path = self.layout.fence(project, environment)?;
        let fence = self.fence(project, environment);
        let entered = Arc::clone(&fence).read_owned().await;
        match *entered {
            Some(highest) if highest == token.0 => return Ok(entered),
            Some(highest) if highest > token.0 => return Err(stale(token, highest)),
            Some(_) | None => drop(entered),
        }
        let mut raised = fence.write_owned().await;
        // Forgotten while it is written: a caller who gives up leaves the file to say what holds.
        let known = raised.take();
        let raising = spawn_blocking(move || raise(&path, known, token)).await;
        let highest = raising.unwrap_or_else(|error| Err(failure("write a fencing token", error)))?;
        *raised = Some(highest);
        if highest > token.0 {
            return Err(stale(token, highest));
        }
        Ok(raised.downgrade())
    }

    fn fence(&self, project: &str, environment: &str) -> Fence {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry((project.to_owned(), environment.to_owned())).or_default())
    }
}

fn stale(token: FencingToken, highest: u64) -> HostError {
    HostError::Stale { token: token.0, highest }
}

/// The highest token seen, the given one included; on disk when this returns.
fn raise(path: &Path, known: Option<u64>, token: FencingToken) -> Result<u64, HostError> {
    let highest = match known {
        Some(highest) => highest,
        None => read(path)?,
    };
    if highest < token.0 {
        write(path, token)?;
    }
    Ok(highest.max(token.0))
}

/// What cannot be read is no reason to let somebody in.
fn read(path: &Path) -> Result<u64, HostError> {
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let reason = "not a number; write the highest fencing token of the environment's lock into it";
            failure(format!("read {}", path.display()), reason)
        }),
        Err(error) if file::is_absent(&error) => Ok(0),
        Err(error) => Err(error).during("read", path),
    }
}

fn write(path: &Path, token: FencingToken) -> Result<(), HostError> {
    let create = |path: &Path| -> io::Result<()> {
        if let Some(dir) = path.parent() {
            file::make_directory(dir)?;
        }
        file::replace_durably(path, format!("{}\n", token.0).as_bytes())
    };
    create(path).during("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lower_token_is_stale_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let fences = || Fences::new(Layout::new(dir.path().to_path_buf()));
        let first = fences();
        drop(first.enter("acme/shop", "production", FencingToken(7)).await.unwrap());
        drop(first.enter("acme/shop", "staging", FencingToken(1)).await.unwrap());
        for fences in [first, fences()] {
            let refused = fences.enter("acme/shop", "production", FencingToken(6)).await.unwrap_err();
            assert_eq!(refused, HostError::Stale { token: 6, highest: 7 });
            drop(fences.enter("acme/shop", "production", FencingToken(7)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_higher_token_waits_for_what_is_under_way() {
        let dir = tempfile::tempdir().unwrap();
        let fences = Fences::new(Layout::new(dir.path().to_path_buf()));
        let under_way = fences.enter("a", "b", FencingToken(1)).await.unwrap();
        drop(fences.enter("a", "b", FencingToken(1)).await.unwrap());
        let mut higher = std::pin::pin!(fences.enter("a", "b", FencingToken(2)));
        assert!(futures_util::poll!(&mut higher).is_pending());
        drop(under_way);
        drop(higher.await.unwrap());
        assert!(fences.enter("a", "b", FencingToken(1)).await.is_err());
    }

    #[tokio::test]
    async fn an_unreadable_fence_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("fences/a")).unwrap();
        fs::write(dir.path().join("fences/a/b"), "x").unwrap();
        let fences = Fences::new(Layout::new(dir.path().to_path_buf()));
        let refused = fences.enter("a", "b", FencingToken(9)).await.unwrap_err().to_string();
        assert!(refused.contains("not a number"), "{refused}");
    }
}
