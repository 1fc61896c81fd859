//! Lambda's Invoke API over the functions of this server, and as much of the rest as clients read. Functions are registered
//! elsewhere; who may call is `states::admit`'s.

mod answer;
mod describe;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    response::Response,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use shipway_control::function::{Call, Functions, REQUEST_BYTES_MAX, Reference, Refusal};

pub use self::answer::refused;

/// Where all paths begin.
pub const ROOT: &str = "/2015-03-31/functions";

/// Bytes of a body that is too large and is read nevertheless.
const DRAIN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The routes of the API.
pub fn router(functions: Functions) -> Router {
    Router::new()
        .route("/2015-03-31/functions", get(describe::list))
        .route("/2015-03-31/functions/", get(describe::list))
        .route("/2015-03-31/functions/{name}", get(describe::function))
        .route("/2015-03-31/functions/{name}/configuration", get(describe::configuration))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .with_state(functions)
}

/// The version or alias that is meant.
#[derive(Deserialize)]
struct Which {
    #[serde(rename = "Qualifier")]
    qualifier: Option<String>,
}

fn reference(name: &str, query: Option<&str>) -> Result<Reference, Refusal> {
    let uri = format!("/?{}", query.unwrap_or_default()).parse();
    let which = uri.ok().and_then(|uri| axum::extract::Query::<Which>::try_from_uri(&uri).ok());
    Reference::of(name, which.and_then(|which| which.0.qualifier).as_deref())
}

async fn invoke(State(functions): State<Functions>, Path(name): Path<String>, request: Request) -> Response {
    match Box::pin(run(&functions, &name, request)).await {
        Ok(response) => response,
        Err(refusal) => answer::refusal(&refusal),
    }
}

async fn run(functions: &Functions, name: &str, request: Request) -> Result<Response, Refusal> {
    let (parts, content) = request.into_parts();
    let function = reference(name, parts.uri.query())?;
    let client_context = client_context(&parts.headers)?;
    let payload = body(&parts.headers, content).await?;
    let call = Call { function, payload, client_context };
    match text(&parts.headers, "x-amz-invocation-type") {
        None | Some("RequestResponse") => {
            let done = functions.invoke(call).await?;
            Ok(answer::done(&done, text(&parts.headers, "x-amz-log-type") == Some("Tail")))
        }
        Some("Event") => Ok(answer::accepted(&functions.enqueue(call).await?)),
        Some("DryRun") => functions.check(call).await.map(|()| answer::checked()),
        Some(other) => {
            let why = "Member must satisfy enum value set: [RequestResponse, Event, DryRun]";
            Err(Refusal::Parameter(format!(
                "1 validation error detected: Value '{other}' at 'invocationType' failed to satisfy constraint: {why}"
            )))
        }
    }
}

async fn body(headers: &HeaderMap, content: Body) -> Result<Vec<u8>, Refusal> {
    let too_large = |bytes| Refusal::TooLarge { bytes, kind: "RequestResponse", limit: REQUEST_BYTES_MAX };
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(bytes) = told.filter(|bytes| *bytes > REQUEST_BYTES_MAX) {
        // WHY: who still sends when the connection is closed does not see the answer.
        let mut rest = Limited::new(content, DRAIN_BYTES_MAX);
        while let Some(Ok(_)) = rest.frame().await {}
        return Err(too_large(bytes));
    }
    match Limited::new(content, REQUEST_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(REQUEST_BYTES_MAX + 1)),
        Err(error) => Err(Refusal::Content { reason: error.to_string() }),
    }
}

/// What the caller tells of itself: JSON in base64.
fn client_context(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(told) = text(headers, "x-amz-client-context") else { return Ok(None) };
    let decoded = STANDARD.decode(told).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let json = decoded.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
    let why = || Refusal::Content { reason: "the client context is not JSON in base64".to_owned() };
    json.map(Some).ok_or_else(why)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
