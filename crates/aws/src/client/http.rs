//! HTTP to AWS: one pool of connections, TLS by the system's roots, limits on time and size. Follows no redirect,
//! asks no proxy, and knows nothing of AWS.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::guard::Names;
use crate::protocol::Reply;

/// Connections to one host that are kept for later.
const IDLE_MAX: usize = 64;
/// How long an idle connection is kept: shorter than others keep it, since a request that meets the end of its connection
/// is lost. AWS closes idle connections after 20 s at the earliest; Node and uvicorn, on which functions run, after 5 s.
const IDLE_FOR: Duration = Duration::from_secs(4);

/// What may be waited for and taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// For one attempt, connection and answer included.
    pub attempt: Duration,
    /// Largest body of an answer.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            // WHY: Step Functions' long poll for activities takes up to 60 s.
            attempt: Duration::from_secs(70),
            answer_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the request cannot be written: {0}")]
    Unwritable(String),
}

/// Sends requests.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector<Names>>, Full<Bytes>>,
    tls: ClientConfig,
    limits: Limits,
}

impl Transport {
    pub(super) fn new(limits: Limits) -> Result<Self, String> {
        // WHY: without roots, nothing over TLS is trusted, and a local endpoint still works.
        let tls = native_roots().or_else(|_| no_roots()).map_err(|error| error.to_string())?;
        Ok(Self { client: connecting(tls.clone(), limits, Names::any()), tls, limits })
    }

    /// The same for addresses that come from users: see [`guard`].
    pub(super) fn guarded(&self, limits: Limits) -> Self {
        Self { client: connecting(self.tls.clone(), limits, Names::guarded()), tls: self.tls.clone(), limits }
    }

    /// The same connections with other limits; that on connecting stays.
    pub(super) fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// One attempt.
    pub(super) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Reply, Failure> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request =
            request.body(Full::new(body)).map_err(|error| Failure::Unwritable(error.to_string()))?;
        match tokio::time::timeout(self.limits.attempt, self.answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::TimedOut(self.limits.attempt)),
        }
    }

    async fn answer(&self, request: http::Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let answer = self.client.request(request).await.map_err(|error| Failure::NoAnswer(chain(&error)))?;
        let (head, body) = answer.into_parts();
        let most = self.limits.answer_bytes_max;
        let body = Limited::new(body, most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Failure::TooLarge(most);
            }
            Failure::NoAnswer(chain(error.as_ref()))
        })?;
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(Reply { status: head.status.as_u16(), headers: headers.collect(), body: body.to_bytes().to_vec() })
    }
}

fn connecting(
    tls: ClientConfig,
    limits: Limits,
    names: Names,
) -> Client<HttpsConnector<HttpConnector<Names>>, Full<Bytes>> {
    let mut tcp = HttpConnector::new_with_resolver(names);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(limits.connect));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let connector = builder.https_or_http().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MAX)
        .build(connector)
}

/// Trusts whom the system trusts.
fn native_roots() -> Result<ClientConfig, std::io::Error> {
    let provider = std::sync::Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(std::io::Error::other)?;
    Ok(builder.with_native_roots()?.with_no_client_auth())
}

/// Trusts nobody.
fn no_roots() -> Result<ClientConfig, rustls::Error> {
    let provider = std::sync::Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// An error with its causes, which is where the reason is.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
