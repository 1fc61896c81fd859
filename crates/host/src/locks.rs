//! One lock per group, so that two who start or stop it wait for each other and others do not wait for them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Held while a group is changed.
pub(crate) type Held = OwnedMutexGuard<()>;

/// Locks by directory; those that nobody uses are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    known: Mutex<HashMap<PathBuf, Arc<AsyncMutex<()>>>>,
}

impl Locks {
    /// Waits for the lock; who waits has a deadline of its own.
    pub(crate) async fn hold(&self, path: &Path) -> Held {
        self.lock(path).lock_owned().await
    }

    fn lock(&self, path: &Path) -> Arc<AsyncMutex<()>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(known.entry(path.to_path_buf()).or_default())
    }
}
