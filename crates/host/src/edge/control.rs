//! The control socket: reads requests, has the state do them, replies. A bad message ends at most its connection.

use std::{io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf},
    sync::Semaphore,
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    short_path::short_path,
    state::State,
    wire::{Answer, Envelope, Fault, LINE_BYTES_MAX, Outcome, PROTOCOL, Reply, Request, Verb},
};

/// Control connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// Time for a reply to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Binds the socket, for its owner only. The caller holds the edge's lock, so a socket that is there is a dead one.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(short_path(path)?.path)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the socket until told to stop.
pub(super) async fn serve(listener: UnixListener, state: Arc<State>, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Some(Ok(permit)) = stop.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await {
        match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok((stream, _))) => {
                let (state, stop) = (Arc::clone(&state), stop.clone());
                state.cx.tasks.clone().spawn(async move {
                    let _permit = permit;
                    let talking = talk(stream, &state, &stop);
                    if let Some(Err(error)) = stop.run_until_cancelled(talking).await {
                        tracing::debug!(%error, "control connection broke");
                    }
                });
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "control connection is not accepted");
                time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn talk(stream: UnixStream, state: &State, stop: &CancellationToken) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(line) = read_line(&mut reader).await? {
        let (id, outcome) = match understand(&line) {
            Ok(request) => (Some(request.id), perform(state, request.call, stop).await),
            Err((id, reason)) => (id, Outcome::Error(Fault::Protocol { reason })),
        };
        let mut reply = serde_json::to_vec(&Reply { v: PROTOCOL, id, outcome })?;
        reply.push(b'\n');
        time::timeout(WRITE_TIMEOUT, writer.write_all(&reply)).await??;
    }
    Ok(())
}

async fn read_line(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    reader.take(limit).read_until(b'\n', &mut line).await?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long or cut short")),
    }
}

fn understand(line: &[u8]) -> Result<Request, (Option<u64>, String)> {
    let envelope: Envelope =
        serde_json::from_slice(line).map_err(|error| (None, format!("not a request: {error}")))?;
    let request = serde_json::from_slice::<Request>(line);
    match request {
        Ok(request) if request.v == PROTOCOL || matches!(request.call, Verb::Hello | Verb::Stop) => {
            Ok(request)
        }
        _ if envelope.v != PROTOCOL => Err((
            Some(envelope.id),
            format!("this edge speaks version {PROTOCOL} of its protocol, not {}", envelope.v),
        )),
        Ok(request) => Ok(request),
        Err(error) => Err((Some(envelope.id), format!("request not understood: {error}"))),
    }
}

async fn perform(state: &State, verb: Verb, stop: &CancellationToken) -> Outcome {
    let done = |result: Result<(), _>| {
        result.map_or_else(|error| Outcome::Error(Fault::from(error)), |()| Outcome::Ok(Answer::Done))
    };
    let answer = match verb {
        Verb::Hello => Answer::Hello { pid: std::process::id(), epoch: state.epoch },
        Verb::SetRoute(route) => return done(state.set_route(&route).await),
        Verb::RemoveRoute(service) => return done(state.remove_route(&service).await),
        Verb::Route(service) => Answer::Route(state.route(&service)),
        Verb::Routes => Answer::Routes(state.routes()),
        Verb::Traffic(service) => Answer::Traffic(state.traffic(&service)),
        Verb::InFlight { service, release_id } => Answer::InFlight(state.in_flight(&service, &release_id)),
        Verb::Snapshot => Answer::Snapshot(state.snapshot().await),
        Verb::Stop => {
            stop.cancel();
            Answer::Done
        }
    };
    Outcome::Ok(answer)
}
