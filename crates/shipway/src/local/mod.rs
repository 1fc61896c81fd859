//! The server of this machine's data directory: where it is, whether it lives, how it is started and stopped.

pub mod lock;
pub mod master;
pub mod processes;
pub mod record;
pub mod start;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::{
    api::{Api, Error},
    context::Context,
    failure::Failure,
    local::record::ServerRecord,
};

/// Time for a living server to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server that is there is waited for until it says where: it starts, or its record was lost.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The server that is meant, if it can be spoken to: the named one, or the one of the data directory.
pub async fn find(cx: &Context) -> Result<Option<Api>, Failure> {
    match &cx.server {
        Some(url) => Ok(Some(Api::new(url, cx.token())?)),
        None => Ok(living(cx).await?.map(|(api, _)| api)),
    }
}

/// The server that is meant, or an error that says how to start one.
pub async fn expect(cx: &Context) -> Result<Api, Failure> {
    found(cx).await?.ok_or_else(|| {
        Failure::failed(format!("no server runs for `{}`", cx.data_dir.display()))
            .hint("shipway serve (`shipway deploy` starts one, too)")
    })
}

/// The server that is meant; starts one in the background if the data directory has none.
pub async fn ensure(cx: &Context) -> Result<Api, Failure> {
    match found(cx).await? {
        Some(api) => Ok(api),
        None => start::in_background(cx).await,
    }
}

/// The server that is meant; one that holds the lock is waited for until it says where it serves.
async fn found(cx: &Context) -> Result<Option<Api>, Failure> {
    let deadline = Instant::now() + RECORD_TIMEOUT;
    loop {
        if let Some(api) = find(cx).await? {
            return Ok(Some(api));
        }
        let Some(pid) = lock::holder(&cx.data_dir) else { return Ok(None) };
        if Instant::now() >= deadline {
            return Err(unknown_place(cx, pid));
        }
        sleep(LOOK).await;
    }
}

fn unknown_place(cx: &Context, pid: u32) -> Failure {
    let record = record::path(&cx.data_dir);
    Failure::failed(format!(
        "a server runs for `{}` (pid {pid}), but `{}` does not say where it can be reached",
        cx.data_dir.display(),
        record.display()
    ))
    .hint("`shipway down` stops it; then `shipway serve` starts the services again")
}

/// The living server of the data directory.
pub async fn living(cx: &Context) -> Result<Option<(Api, ServerRecord)>, Failure> {
    let Some(record) = record::read(&cx.data_dir)? else { return Ok(None) };
    if !lock::is_held(&cx.data_dir) {
        // WHY: by now the address may be that of another directory's server.
        cx.out.detail(&format!("`{}` is stale", record::path(&cx.data_dir).display()));
        return Ok(None);
    }
    let api = Api::new(&record.url, Some(record.token.clone()))?;
    match timeout(HEALTH_TIMEOUT, api.health()).await {
        // A server whose store does not answer is there all the same, and says so itself.
        Ok(Ok(_) | Err(Error::Problem(_))) => Ok(Some((api, record))),
        Ok(Err(error)) => {
            cx.out.detail(&format!("`{}` is stale: {error}", record::path(&cx.data_dir).display()));
            Ok(None)
        }
        Err(_) if processes::is_alive(record.pid) => Err(Failure::failed(format!(
            "the server of `{}` (pid {}) does not answer",
            cx.data_dir.display(),
            record.pid
        ))
        .hint("look at `server.log` in the data directory; `shipway down` stops it")),
        Err(_) => Ok(None),
    }
}
