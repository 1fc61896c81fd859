//! Sends spans to a collector: in batches, again with growing pauses where that may help. Whatever cannot be sent is
//! dropped with a warning; nobody waits for it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{sync::mpsc, time::sleep};

use super::{
    environment::{Exporting, Protocol},
    otlp::{Answer, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span, attributes},
};
use crate::failure::{Failure, with_sources};

/// Attempts at one batch.
const ATTEMPTS_MAX: u32 = 5;
/// First wait before a batch is sent again; then twice as long, and so on.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longest wait that a collector may ask for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// Sends spans.
pub struct Exporter {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    config: Exporting,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What became of one attempt.
enum Attempt {
    Sent,
    /// It may succeed later, or after so long if that was said.
    Later(String, Option<Duration>),
    Refused(String),
}

impl Exporter {
    /// Looks at the settings; connects when there is something to send.
    pub fn new(config: Exporting) -> Result<Self, Failure> {
        let mut headers = Vec::new();
        for (name, value) in &config.headers {
            let pair = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
            let (Ok(name), Ok(mut value)) = pair else {
                return Err(Failure::usage("OTEL_EXPORTER_OTLP_HEADERS has what is no header")
                    .hint("write it as name=value,name=value"));
            };
            value.set_sensitive(true);
            headers.push((name, value));
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(config.timeout));
        let connector = HttpsConnectorBuilder::new().with_tls_config(trust(&config.url)?);
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), config, headers })
    }

    /// Sends what comes until nothing comes any more.
    pub async fn run(self, mut spans: mpsc::Receiver<Span>) {
        let mut batch = Vec::new();
        while spans.recv_many(&mut batch, self.config.batch_max).await > 0 {
            self.fill(&mut spans, &mut batch).await;
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    /// Waits a while for more.
    async fn fill(&self, spans: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
        let end = sleep(self.config.delay);
        tokio::pin!(end);
        while batch.len() < self.config.batch_max {
            let room = self.config.batch_max - batch.len();
            tokio::select! {
                received = spans.recv_many(batch, room) => {
                    if received == 0 {
                        return;
                    }
                }
                () = &mut end => return,
            }
        }
    }

    async fn send(&self, spans: Vec<Span>) {
        let count = spans.len();
        let body = self.body(spans);
        let mut wait = BACKOFF;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.attempt(body.clone()).await {
                Attempt::Sent => return,
                Attempt::Refused(reason) => {
                    return tracing::warn!(
                        reason,
                        count,
                        url = self.config.url,
                        "spans were refused and are dropped"
                    );
                }
                Attempt::Later(reason, _) if attempt == ATTEMPTS_MAX => {
                    return tracing::warn!(
                        reason,
                        count,
                        url = self.config.url,
                        "spans cannot be sent and are dropped"
                    );
                }
                Attempt::Later(reason, asked) => {
                    tracing::debug!(reason, attempt, "spans are sent again later");
                    sleep(asked.unwrap_or(wait).min(WAIT_MAX)).await;
                    wait = wait.saturating_mul(2);
                }
            }
        }
    }

    fn body(&self, spans: Vec<Span>) -> Bytes {
        let resource = self.config.resource.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let scope = Scope { name: "shipway".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let request = Request {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource { attributes: attributes(resource) }),
                scope_spans: vec![ScopeSpans { scope: Some(scope), spans }],
            }],
        };
        match self.config.protocol {
            Protocol::Protobuf => request.encode_to_vec().into(),
            Protocol::Json => serde_json::to_vec(&request).unwrap_or_default().into(),
        }
    }

    async fn attempt(&self, body: Bytes) -> Attempt {
        match tokio::time::timeout(self.config.timeout, self.ask(body)).await {
            Ok(attempt) => attempt,
            Err(_) => Attempt::Later(format!("no answer within {:?}", self.config.timeout), None),
        }
    }

    async fn ask(&self, body: Bytes) -> Attempt {
        let kind = match self.config.protocol {
            Protocol::Protobuf => "application/x-protobuf",
            Protocol::Json => "application/json",
        };
        let mut request = http::Request::post(&self.config.url).header(header::CONTENT_TYPE, kind);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = match request.body(Full::new(body)) {
            Ok(request) => request,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return Attempt::Later(with_sources(&error), None),
        };
        let (status, asked) = (answer.status(), retry_after(answer.headers()));
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        self.judge(status, asked, &body)
    }

    fn judge(&self, status: StatusCode, asked: Option<Duration>, body: &[u8]) -> Attempt {
        match status.as_u16() {
            200..=299 => {
                let answer = Answer::decode(body).ok().filter(|_| self.config.protocol == Protocol::Protobuf);
                if let Some(partial) = answer.and_then(|answer| answer.partial_success)
                    && partial.rejected_spans > 0
                {
                    let (count, reason) = (partial.rejected_spans, partial.error_message);
                    tracing::warn!(reason, count, "the collector did not take some spans");
                }
                Attempt::Sent
            }
            429 | 502 | 503 | 504 => Attempt::Later(format!("status {status}"), asked),
            _ => Attempt::Refused(format!("status {status}")),
        }
    }
}

/// The system's certificates, where they are needed: a machine without any can still send to its own collector.
fn trust(url: &str) -> Result<ClientConfig, Failure> {
    let failed =
        |error: &dyn std::error::Error| Failure::of("TLS to the collector of spans is not possible", error);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    match url.starts_with("https://") {
        true => Ok(builder.with_native_roots().map_err(|error| failed(&error))?.with_no_client_auth()),
        false => Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
    }
}

fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
