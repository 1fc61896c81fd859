//! The way to tell an edge what to do. Every call has a deadline, and an edge that is being restarted is waited for.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use shipway_control::host::{HostError, Route, ServiceId, Traffic};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    time::{self, Instant},
};

use super::{
    short_path::short_path,
    snapshot::Snapshot,
    wire::{Answer, Fault, LINE_BYTES_MAX, Outcome, PROTOCOL, Reply, Request, Spoken, Verb},
};

/// Time for a call, waiting for an edge that is being restarted included.
const DEADLINE: Duration = Duration::from_secs(5);

/// Pause between two attempts to reach the edge.
const AGAIN: Duration = Duration::from_millis(25);

/// Speaks to the edge of one data directory. Calls wait for each other.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    link: Mutex<Option<Link>>,
}

/// One connection, without a request under way.
#[derive(Debug)]
pub(super) struct Link {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    last_id: u64,
}

impl Client {
    /// A client for the edge that listens on `socket`; connects when first used.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_path_buf(), link: Mutex::default() }
    }

    /// Replaces a service's route; in force and on disk when this returns.
    pub async fn set_route(&self, route: &Route) -> Result<(), HostError> {
        match self.call(Verb::SetRoute(route.clone())).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The route of a service.
    pub async fn route(&self, service: &ServiceId) -> Result<Option<Route>, HostError> {
        match self.call(Verb::Route(service.clone())).await? {
            Answer::Route(route) => Ok(route),
            other => Err(unexpected(&other)),
        }
    }

    /// All routes.
    pub async fn routes(&self) -> Result<Vec<Route>, HostError> {
        match self.call(Verb::Routes).await? {
            Answer::Routes(routes) => Ok(routes),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes a service off; its requests in flight end. Does nothing if it is not there.
    pub async fn remove_route(&self, service: &ServiceId) -> Result<(), HostError> {
        match self.call(Verb::RemoveRoute(service.clone())).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Counts of a service's traffic, by release; also of releases that have left the route.
    pub async fn traffic(&self, service: &ServiceId) -> Result<Traffic, HostError> {
        match self.call(Verb::Traffic(service.clone())).await? {
            Answer::Traffic(traffic) => Ok(traffic),
            other => Err(unexpected(&other)),
        }
    }

    /// Requests under way to a release, wherever the route points now: 0 after it has left means that it is drained.
    pub async fn in_flight(&self, service: &ServiceId, release_id: &str) -> Result<u64, HostError> {
        let verb = Verb::InFlight { service: service.clone(), release_id: release_id.to_owned() };
        match self.call(verb).await? {
            Answer::InFlight(count) => Ok(count),
            other => Err(unexpected(&other)),
        }
    }

    /// All that can be seen at this moment. Does not wait for an edge that is not there.
    pub async fn snapshot(&self) -> Result<Snapshot, HostError> {
        let answer =
            time::timeout(DEADLINE, async { Link::open(&self.socket).await?.call(Verb::Snapshot).await });
        match settle(answer.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())), &self.socket)? {
            Answer::Snapshot(snapshot) => Ok(snapshot),
            other => Err(unexpected(&other)),
        }
    }

    async fn call(&self, verb: Verb) -> Result<Answer, HostError> {
        let deadline = Instant::now() + DEADLINE;
        let calling = async {
            let mut kept = self.link.lock().await;
            // Taken out while in use: a call that is given up leaves no half-read reply behind.
            let mut link = kept.take();
            loop {
                match self.attempt(link.take(), &verb).await {
                    Ok((link, outcome)) => {
                        *kept = Some(link);
                        return Ok(outcome);
                    }
                    // Every verb may be repeated.
                    Err(_) if Instant::now() + AGAIN < deadline => time::sleep(AGAIN).await,
                    Err(error) => return Err(error),
                }
            }
        };
        let outcome = time::timeout_at(deadline, calling).await;
        settle(outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())), &self.socket)
    }

    async fn attempt(&self, link: Option<Link>, verb: &Verb) -> io::Result<(Link, Outcome)> {
        let mut link = match link {
            Some(link) => link,
            None => Link::open(&self.socket).await?,
        };
        let outcome = link.call(verb.clone()).await?;
        Ok((link, outcome))
    }
}

impl Link {
    pub(super) async fn open(socket: &Path) -> io::Result<Self> {
        let short = short_path(socket)?;
        let (reader, writer) = UnixStream::connect(&short.path).await?.into_split();
        Ok(Self { reader: BufReader::new(reader), writer, last_id: 0 })
    }

    pub(super) async fn call(&mut self, call: Verb) -> io::Result<Outcome> {
        self.last_id += 1;
        let mut line = serde_json::to_vec(&Request { v: PROTOCOL, id: self.last_id, call })?;
        line.push(b'\n');
        self.writer.write_all(&line).await?;
        let line = self.read_line().await?;
        let spoken: Spoken = serde_json::from_slice(&line)?;
        if spoken.v != PROTOCOL {
            let reason =
                format!("it speaks version {} of its protocol, not {PROTOCOL}; restart it", spoken.v);
            return Ok(Outcome::Error(Fault::Protocol { reason }));
        }
        let reply: Reply = serde_json::from_slice(&line)?;
        if reply.id == Some(self.last_id) {
            Ok(reply.outcome)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the edge answered another request"))
        }
    }

    /// Returns when the edge has closed the connection: it has ended.
    pub(super) async fn closed(&mut self) {
        while self.read_line().await.is_ok() {}
    }

    async fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        (&mut self.reader).take(limit).read_until(b'\n', &mut line).await?;
        if line.ends_with(b"\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn settle(outcome: io::Result<Outcome>, socket: &Path) -> Result<Answer, HostError> {
    match outcome {
        Ok(Outcome::Ok(answer)) => Ok(answer),
        Ok(Outcome::Error(fault)) => Err(fault.into()),
        Err(error) => Err(HostError::Edge(format!(
            "{error} at {}; `shipway serve` starts it, and `edge.log` beside the socket says why it ended",
            socket.display()
        ))),
    }
}

fn unexpected(answer: &Answer) -> HostError {
    HostError::Edge(format!(
        "it answered another question: {answer:?}; restart it with this version of Shipway"
    ))
}
