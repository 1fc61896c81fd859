//! One request and its answer, with a deadline. Follows no redirects and keeps nothing.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use shipway_server::wire::Problem;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::failure::{Failure, with_sources};

/// Time for an answer's head.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
/// Time for an answer's head to an upload: the server checks the hash of all of it first.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// Time for an answer's head to the call of a function: a little more than a function can take to start and run.
const CALL_TIMEOUT: Duration = Duration::from_secs(960);
/// Bytes of an answer that is read as a whole.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A server's API.
#[derive(Clone)]
pub struct Api {
    url: String,
    token: Option<String>,
    client: Client<HttpConnector, Body>,
}

/// Why a request got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers there, or stopped doing so.
    #[error("the server at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The server says no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The answer is not what this version understands.
    #[error("the server's answer is not understood: {0}")]
    Garbled(String),
    /// The file to be sent cannot be read.
    #[error("cannot read `{0}`")]
    File(String, #[source] io::Error),
    /// The address is not one.
    #[error("`{0}` is not an address of a server; write `http://127.0.0.1:7420`")]
    Address(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = with_sources(&error);
        match error {
            Error::Problem(problem) => (*problem).into(),
            Error::Address(_) => Self::usage(text),
            Error::Unreachable { .. } => Self::failed(text).hint("shipway serve"),
            Error::Garbled(_) => Self::failed(text).hint("use the same version of `shipway` as the server"),
            Error::File(..) => Self::failed(text),
        }
    }
}

/// What a request carries.
pub(super) enum Content {
    None,
    Json(Bytes),
    /// JSON whose answer takes as long as a function does.
    Call(Bytes),
    File(tokio::fs::File, u64),
}

impl Content {
    pub(super) async fn file(path: &Path) -> Result<Self, Error> {
        let unreadable = |error| Error::File(path.display().to_string(), error);
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let bytes = file.metadata().await.map_err(unreadable)?.len();
        Ok(Self::File(file, bytes))
    }

    fn body(self) -> Body {
        match self {
            Self::None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
            Self::Json(bytes) | Self::Call(bytes) => {
                Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
            }
            Self::File(file, _) => {
                let chunks = ReaderStream::with_capacity(file, 256 * 1024);
                BodyExt::boxed_unsync(StreamBody::new(chunks.map_ok(Frame::data)))
            }
        }
    }
}

/// A document to be sent.
pub(super) fn json(document: &impl Serialize) -> Result<Content, Error> {
    let text = serde_json::to_vec(document).map_err(|error| Error::Garbled(error.to_string()))?;
    Ok(Content::Json(text.into()))
}

/// A call of a function.
pub(super) fn call(document: &impl Serialize) -> Result<Content, Error> {
    match json(document)? {
        Content::Json(bytes) => Ok(Content::Call(bytes)),
        other => Ok(other),
    }
}

impl Api {
    /// The API of the server at `url`.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Error> {
        let url = url.trim_end_matches('/');
        let is_good = url.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.authority().is_some() && matches!(uri.path(), "" | "/")
        });
        if !is_good {
            return Err(Error::Address(url.to_owned()));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { url: url.to_owned(), token, client })
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page of a deployment.
    pub fn page(&self, id: &str) -> String {
        format!("{}/executions/{}", self.url, super::encode(id))
    }

    /// A good answer's body.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&'static str, &str)],
    ) -> Result<Bytes, Error> {
        let answer = good(self.call(method, path, content, headers).await?).await?;
        self.body(answer).await
    }

    /// An answer's body, whatever its status.
    pub(super) async fn body(&self, answer: Response<Incoming>) -> Result<Bytes, Error> {
        collect(answer).await.map_err(|reason| self.unreachable(reason))
    }

    /// An answer's head.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&'static str, &str)],
    ) -> Result<Response<Incoming>, Error> {
        let wait = match content {
            Content::None | Content::Json(_) => ANSWER_TIMEOUT,
            Content::Call(_) => CALL_TIMEOUT,
            Content::File(..) => UPLOAD_TIMEOUT,
        };
        let request = self.request(method, path, content, headers)?;
        match timeout(wait, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.unreachable(innermost(&error))),
            Err(_) => Err(self.unreachable(format!("no answer within {} s", wait.as_secs()))),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&'static str, &str)],
    ) -> Result<Request<Body>, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        request = match &content {
            Content::None => request,
            Content::Json(_) | Content::Call(_) => request.header(header::CONTENT_TYPE, "application/json"),
            Content::File(_, bytes) => request
                .header(header::CONTENT_TYPE, "application/octet-stream")
                .header(header::CONTENT_LENGTH, *bytes),
        };
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, secret(token)?);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(content.body()).map_err(|_| Error::Address(format!("{}{path}", self.url)))
    }

    fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable { url: self.url.clone(), reason }
    }
}

/// A header that debug output does not show.
fn secret(token: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| Error::Garbled("the token is not a header's text".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The answer if it is a good one, or the problem in it.
pub(super) async fn good(answer: Response<Incoming>) -> Result<Response<Incoming>, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = collect(answer).await.unwrap_or_default();
    Err(Error::Problem(Box::new(Problem::parse(status.as_u16(), &body))))
}

async fn collect(answer: Response<Incoming>) -> Result<Bytes, String> {
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
    match timeout(ANSWER_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the answer did not end within {} s", ANSWER_TIMEOUT.as_secs())),
    }
}

/// The last cause says most: `connection refused`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http_without_a_path() {
        for good in ["http://127.0.0.1:7420", "http://localhost:1/"] {
            assert!(Api::new(good, None).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:7420", "https://example.org", "http://a/b", "http://"] {
            assert!(matches!(Api::new(bad, None), Err(Error::Address(_))), "{bad}");
        }
    }
}
