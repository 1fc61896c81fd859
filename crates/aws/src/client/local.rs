//! Services that are in this process: their requests are written and their answers read as of any other service, and
//! nothing is sent and signed in between.

use async_trait::async_trait;
use bytes::Bytes;

use super::http::Failure;
use crate::protocol::Reply;

/// Answers the requests to one service.
#[async_trait]
pub trait Local: Send + Sync {
    /// The answer; an error is an answer too.
    async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Bytes>;
}

/// Asks the service.
pub(super) async fn ask(
    local: &dyn Local,
    (method, url): (&str, &str),
    headers: &[(String, String)],
    body: Bytes,
) -> Result<Reply, Failure> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(body).map_err(|error| Failure::Unwritable(error.to_string()))?;
    let (head, body) = local.answer(request).await.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Reply { status: head.status.as_u16(), headers: headers.collect(), body: body.to_vec() })
}
