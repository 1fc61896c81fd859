//! One connection of a load: sends the next request when it is due and tells how it ended.

use std::{error::Error as _, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{self, Instant},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Plan,
    pace::{Due, Pace},
    plan::Target,
    report::{Ended, Tally},
};

/// Pause of a slow reader before each part of the answer.
const SLOW_PAUSE: Duration = Duration::from_millis(20);

/// Connections that were closed while idle and are made again before a request counts as failed.
const RECONNECTS_MAX: u32 = 3;

/// Pause after a refused connection: a closed loop would spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Worker {
    targets: Arc<Vec<Target>>,
    pace: Arc<Pace>,
    tally: Arc<Tally>,
    keep_alive: bool,
    timeout: Duration,
    link: Option<Link>,
}

/// An open connection.
#[derive(Debug)]
struct Link {
    authority: String,
    sender: SendRequest<Empty<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Worker {
    pub(super) fn new(plan: &Plan, targets: Arc<Vec<Target>>, pace: Arc<Pace>, tally: Arc<Tally>) -> Self {
        Self { targets, pace, tally, keep_alive: plan.keep_alive, timeout: plan.timeout, link: None }
    }

    /// Sends requests until there are no more.
    pub(super) async fn work(mut self) {
        while let Some(due) = self.pace.take() {
            if let Some(at) = due.at {
                time::sleep_until(at).await;
            }
            let mut ended = Ended::default();
            let started = due.at.unwrap_or_else(Instant::now);
            match time::timeout(self.timeout, self.send(due, &mut ended)).await {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => ended.broken = Some(reason),
                Err(_) => ended.broken = Some("timeout"),
            }
            ended.latency = started.elapsed();
            if ended.broken.is_some() || !self.keep_alive {
                self.link = None;
            }
            let is_refused = ended.broken == Some("refused");
            self.tally.count(ended);
            if is_refused {
                time::sleep(REFUSED_PAUSE).await;
            }
        }
    }

    async fn send(&mut self, due: Due, ended: &mut Ended) -> Result<(), &'static str> {
        let targets = Arc::clone(&self.targets);
        let number = usize::try_from(due.number).unwrap_or(usize::MAX);
        let Some(target) = targets.get(number % targets.len()) else { return Ok(()) };
        let Some(path) = target.paths.get((number / targets.len()) % target.paths.len()) else {
            return Ok(());
        };
        let response = self.request(target, path).await?;
        ended.status = Some(response.status().as_u16());
        let version = response.headers().get("x-shipway-version");
        ended.version = version.and_then(|version| version.to_str().ok()).map(str::to_owned);
        let mut body = response.into_body();
        loop {
            if due.is_slow {
                time::sleep(SLOW_PAUSE).await;
            }
            match body.frame().await {
                None => return Ok(()),
                Some(Ok(frame)) => ended.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(_)) => return Err("cut short"),
            }
        }
    }

    /// Sends on the connection there is, or a new one. A connection that was closed while idle is no failure.
    async fn request(&mut self, target: &Target, path: &Uri) -> Result<Response<Incoming>, &'static str> {
        let mut reconnects = 0;
        loop {
            let mut link = match self.link.take().filter(|link| link.authority == target.authority) {
                Some(link) => link,
                None => connect(&target.authority).await?,
            };
            if link.sender.ready().await.is_err() && reconnects < RECONNECTS_MAX {
                reconnects += 1;
                continue;
            }
            let mut error = match link.sender.try_send_request(self.message(&target.authority, path)).await {
                Ok(response) => {
                    self.link = Some(link);
                    return Ok(response);
                }
                Err(error) => error,
            };
            // A message that comes back was not sent, nothing of it.
            if error.take_message().is_none() || reconnects >= RECONNECTS_MAX {
                return Err(reason(&error.into_error()));
            }
            reconnects += 1;
        }
    }

    fn message(&self, authority: &str, path: &Uri) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = path.clone();
        if let Ok(host) = HeaderValue::from_str(authority) {
            request.headers_mut().insert(header::HOST, host);
        }
        if !self.keep_alive {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        request
    }
}

async fn connect(authority: &str) -> Result<Link, &'static str> {
    let stream = TcpStream::connect(authority).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused",
        io::ErrorKind::ConnectionReset => "reset",
        _ => "no connection",
    })?;
    stream.set_nodelay(true).map_err(|_| "no connection")?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| "no connection")?;
    let driver = tokio::spawn(async move {
        // How it ended shows in the request that it carried.
        let _ = connection.await;
    });
    Ok(Link { authority: authority.to_owned(), sender, _driver: AbortOnDropHandle::new(driver) })
}

fn reason(error: &hyper::Error) -> &'static str {
    let is_reset = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    match () {
        () if is_reset => "reset",
        () if error.is_incomplete_message() => "closed without an answer",
        () if error.is_parse() => "not HTTP",
        () => "broken",
    }
}
