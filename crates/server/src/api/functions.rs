//! Functions that run on the server's machine. Values of their variables go in and never out.

use axum::{
    Json as Answer,
    body::to_bytes,
    extract::{Request, State},
};
use serde::Deserialize;
use shipway_control::{
    app::Error,
    function::{Call, FunctionStatus, Functions, REQUEST_BYTES_MAX, Reference, Refusal},
    host::{LogPage, LogQuery},
};

use crate::{
    Shared,
    extract::{Json, Path, Query, limit, words},
    problem::{BAD_REQUEST, NOT_FOUND, REFUSED, TOO_LARGE, UNAVAILABLE},
    wire::{
        AllFunctions, FunctionRequest, InvokeAnswer, InvokeRequest, Problem, RemoveRequest, RenewRequest,
    },
};

/// Bytes of a call's body: its payload as escaped as it may be, and what is around it.
const CALL_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;

/// All functions.
pub async fn list(State(shared): State<Shared>) -> Result<Answer<AllFunctions>, Problem> {
    Ok(Answer(AllFunctions { functions: functions(&shared)?.list().await? }))
}

/// One function.
pub async fn show(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Answer<FunctionStatus>, Problem> {
    Ok(Answer(functions(&shared)?.describe(&name).await?))
}

/// Registers a function, for good or until nobody renews it.
pub async fn register(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Json(request): Json<FunctionRequest>,
) -> Result<Answer<FunctionStatus>, Problem> {
    words(&request.actor, "actor")?;
    let functions = functions(&shared)?;
    let registered = match request.is_leased {
        true => functions.lease(&name, request.settings, &request.actor).await,
        false => functions.register(&name, request.settings, &request.actor).await,
    };
    Ok(Answer(registered?))
}

/// Puts the end of a lease off.
pub async fn renew(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Json(request): Json<RenewRequest>,
) -> Result<Answer<FunctionStatus>, Problem> {
    Ok(Answer(functions(&shared)?.renew(&name, &request.revision).await?))
}

/// Forgets a function.
pub async fn remove(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Json(request): Json<RemoveRequest>,
) -> Result<Answer<FunctionStatus>, Problem> {
    words(&request.actor, "actor")?;
    let removed = functions(&shared)?.remove(&name, request.revision.as_deref(), &request.actor).await;
    Ok(Answer(removed?))
}

/// Calls a function and waits.
pub async fn invoke(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Answer<InvokeAnswer>, Problem> {
    let functions = functions(&shared)?;
    let too_large = |_| TOO_LARGE.because(format!("the body is larger than {CALL_BYTES_MAX} bytes"));
    let body = to_bytes(request.into_body(), CALL_BYTES_MAX).await.map_err(too_large)?;
    let request: InvokeRequest = serde_json::from_slice(&body)
        .map_err(|error| BAD_REQUEST.because(format!("the JSON is not valid: {error}")))?;
    let function = Reference::of(&name, None).map_err(|refusal| problem(&name, &refusal))?;
    let payload = request.payload.to_string().into_bytes();
    let done = functions.invoke(Call { function, payload, client_context: None }).await;
    let done = done.map_err(|refusal| problem(&name, &refusal))?;
    Ok(Answer(InvokeAnswer {
        request_id: done.request_id,
        is_failure: done.outcome.is_failure,
        payload: String::from_utf8_lossy(&done.outcome.payload).into_owned(),
        log: String::from_utf8_lossy(&done.outcome.log_tail).into_owned(),
    }))
}

/// Which lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    lines: Option<usize>,
    after: Option<String>,
}

/// Lines that a function wrote.
pub async fn logs(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Query(query): Query<Lines>,
) -> Result<Answer<LogPage>, Problem> {
    let lines = limit(query.lines, 100, 10_000, "lines")?;
    let log = LogQuery { process: None, lines, after: query.after };
    Ok(Answer(functions(&shared)?.logs(&name, &log).await?))
}

fn functions(shared: &Shared) -> Result<&Functions, Problem> {
    shared.functions.as_ref().ok_or_else(|| NOT_FOUND.because("this server runs no functions"))
}

fn problem(name: &str, refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::NotFound { .. } => Error::NotFound { what: "function", id: name.to_owned() }.into(),
        Refusal::Throttled => REFUSED
            .because(format!("as many calls of `{name}` run as may"))
            .hint("try again, or register it with a higher --concurrency"),
        Refusal::TooLarge { .. } => TOO_LARGE.because(refusal.to_string()),
        Refusal::Content { .. } | Refusal::Parameter(_) => BAD_REQUEST.because(refusal.to_string()),
        Refusal::Unavailable(reason) => UNAVAILABLE.because(reason.clone()),
    }
}
