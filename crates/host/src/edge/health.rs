//! Whether a routed process is fit for requests: probes of its health check, and what requests met.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use shipway_control::release::HealthCheck;
use tokio::{net::TcpStream, time};
use tokio_util::sync::CancellationToken;

/// Failed requests in a row that take a process out.
const BROKEN_MAX: u32 = 3;

/// Probes are not closer together than this.
const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// How a process stands. Pure.
#[derive(Clone, Debug)]
struct Standing {
    is_fit: bool,
    /// Taken out by failed requests: one good probe is enough to come back.
    is_ejected: bool,
    good: u32,
    bad: u32,
    broken: u32,
    evidence: String,
}

impl Standing {
    /// A process is routed because it was found healthy.
    fn new() -> Self {
        Self { is_fit: true, is_ejected: false, good: 0, bad: 0, broken: 0, evidence: String::new() }
    }

    fn probed(&mut self, result: Result<String, String>, check: &HealthCheck) {
        let is_good = result.is_ok();
        self.evidence = result.unwrap_or_else(|evidence| evidence);
        if is_good {
            (self.good, self.bad) = (self.good.saturating_add(1), 0);
            if self.is_ejected || self.good >= check.healthy_after {
                (self.is_fit, self.is_ejected, self.broken) = (true, false, 0);
            }
        } else {
            (self.good, self.bad) = (0, self.bad.saturating_add(1));
            if self.bad >= check.unhealthy_after.max(1) {
                (self.is_fit, self.is_ejected) = (false, false);
            }
        }
    }

    fn broke(&mut self) {
        self.broken = self.broken.saturating_add(1);
        if self.broken >= BROKEN_MAX && self.is_fit {
            (self.is_fit, self.is_ejected, self.good) = (false, true, 0);
            self.evidence = format!("{BROKEN_MAX} requests in a row met no answer");
        }
    }
}

/// The standing of one process, shared by its requests and its prober.
#[derive(Debug)]
pub(super) struct Health {
    is_fit: AtomicBool,
    is_broken: AtomicBool,
    standing: Mutex<Standing>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            is_fit: AtomicBool::new(true),
            is_broken: AtomicBool::new(false),
            standing: Mutex::new(Standing::new()),
        }
    }

    pub(super) fn is_fit(&self) -> bool {
        self.is_fit.load(SeqCst)
    }

    pub(super) fn evidence(&self) -> String {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).evidence.clone()
    }

    /// A request got an answer.
    pub(super) fn answered(&self) {
        if self.is_broken.load(SeqCst) {
            self.is_broken.store(false, SeqCst);
            self.change(|standing| standing.broken = 0);
        }
    }

    /// A request could not connect, or its connection broke before an answer.
    pub(super) fn broke(&self) {
        self.is_broken.store(true, SeqCst);
        self.change(Standing::broke);
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut standing);
        self.is_fit.store(standing.is_fit, SeqCst);
    }
}

/// Probes a process until told to stop.
pub(super) async fn keep_probing(
    health: Arc<Health>,
    port: u16,
    check: HealthCheck,
    stop: CancellationToken,
) {
    let interval = check.interval.duration().max(INTERVAL_MIN);
    while stop.run_until_cancelled(time::sleep(interval)).await.is_some() {
        let Some(result) = stop.run_until_cancelled(probe(port, &check)).await else { return };
        let was_fit = health.is_fit();
        health.change(|standing| standing.probed(result, &check));
        if was_fit != health.is_fit() {
            tracing::info!(port, is_fit = !was_fit, evidence = health.evidence(), "health changed");
        }
    }
}

/// One probe: what came, as an error if it was not good.
async fn probe(port: u16, check: &HealthCheck) -> Result<String, String> {
    let timeout = check.timeout.duration();
    let probing = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
        match &check.path {
            None => Ok("accepted a connection".to_owned()),
            Some(path) => ask(stream, port, path).await,
        }
    };
    time::timeout(timeout, probing)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {}", check.timeout)))
}

async fn ask(stream: TcpStream, port: u16, path: &str) -> Result<String, String> {
    let request = Request::get(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::USER_AGENT, "shipway-edge")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let answer = sender.send_request(request);
    tokio::pin!(connection, answer);
    let response = tokio::select! {
        response = &mut answer => response,
        // The answer is with the sender once the connection has ended.
        _ = &mut connection => (&mut answer).await,
    };
    let status = response.map_err(|error| error.to_string())?.status();
    let is_good = (StatusCode::OK.as_u16()..400).contains(&status.as_u16());
    if is_good { Ok(status.to_string()) } else { Err(status.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> HealthCheck {
        HealthCheck { healthy_after: 2, unhealthy_after: 3, ..HealthCheck::default() }
    }

    /// `g`ood and `b`ad probes, `f`ailed requests; after each whether the process is fit (`1`) or not (`0`).
    fn play(script: &str) -> String {
        let mut standing = Standing::new();
        let fit = script.chars().map(|event| {
            match event {
                'g' => standing.probed(Ok(String::new()), &check()),
                'b' => standing.probed(Err(String::new()), &check()),
                _ => standing.broke(),
            }
            if standing.is_fit { '1' } else { '0' }
        });
        fit.collect()
    }

    #[test]
    fn bad_probes_in_a_row_take_a_process_out_and_good_ones_bring_it_back() {
        assert_eq!(play("bbgbbbgbgg"), "1111100001");
    }

    #[test]
    fn failed_requests_take_a_process_out_until_the_next_good_probe() {
        assert_eq!(play("fffg"), "1101");
        assert_eq!(play("fffbbbgg"), "11000001");
    }
}
