//! Who may call the APIs of AWS's: who signs with a key of Shipway's, or, on the loopback and at the operator's word,
//! everybody. What a signature is made of is `sigv4`'s; which calls there are is not known here.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use axum::{body::Body, extract::Request};
use http::{Method, StatusCode};
use shipway_control::{
    access::{AccessKey, Keys},
    function::REQUEST_BYTES_MAX,
};
use shipway_engine::Clock;

use super::{SERVICE, body, fault::Fault};
use crate::{
    lambda,
    sigv4::{Claim, Head, Place, Refusal, Replays},
};

/// The header that names the action.
pub const TARGET: &str = "x-amz-target";

/// An API of AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Step Functions.
    States,
    /// Lambda.
    Lambda,
}

impl Api {
    /// The service that signatures are for.
    const fn service(self) -> &'static str {
        match self {
            Self::States => "states",
            Self::Lambda => "lambda",
        }
    }

    /// Bytes of a request's body.
    const fn body_bytes_max(self) -> usize {
        match self {
            Self::States => body::BYTES_MAX,
            Self::Lambda => REQUEST_BYTES_MAX,
        }
    }

    fn is_change(self, head: &Head) -> bool {
        match self {
            Self::States => is_change(head),
            Self::Lambda => head.method != Method::GET.as_str(),
        }
    }
}

/// What actions begin with that change nothing; the others' signatures are good once.
const READING: &[&str] = &["Describe", "List", "GetExecutionHistory", "ValidateStateMachineDefinition"];

/// Whose calls are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Of those who sign with a key of Shipway's; without such keys nobody's.
    #[default]
    Signed,
    /// Everybody's who reaches the loopback.
    Everybody,
}

/// What stands before the API.
pub struct Gate {
    admission: Admission,
    listen: SocketAddr,
    keys: Option<Keys>,
    replays: Mutex<Replays>,
}

/// The API that a request is a call of, if it is one.
pub fn api(request: &Request) -> Option<Api> {
    let path = request.uri().path();
    if request.method() == Method::POST && path == "/" && request.headers().contains_key(TARGET) {
        return Some(Api::States);
    }
    let rest = path.strip_prefix(lambda::ROOT);
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|_| Api::Lambda)
}

impl Gate {
    /// A gate of a server at `listen`; without `keys` no signature is good.
    pub fn new(admission: Admission, listen: SocketAddr, keys: Option<Keys>) -> Self {
        Self { admission, listen, keys, replays: Mutex::default() }
    }

    /// Whether calls need no signature.
    pub fn is_open(&self) -> bool {
        self.admission == Admission::Everybody && self.listen.ip().is_loopback()
    }

    /// The request, if it may go on.
    pub async fn admit(&self, api: Api, request: Request) -> Result<Request, Fault> {
        if self.is_open() {
            return Ok(request);
        }
        let keys = self.keys.as_ref().ok_or(Refusal::Missing)?;
        let clock = keys.engine().clock();
        let (parts, content) = request.into_parts();
        let head = Head {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
        };
        let claim = Claim::read(&head)?;
        let place = Place { region: keys.engine().place().0, service: api.service() };
        claim.check(&place, clock.now())?;
        let is_change = api.is_change(&head);
        if is_change && claim.is_long() {
            return Err(Refusal::Unfit(
                "A presigned request that changes something may be good for 300 s at most.".to_owned(),
            )
            .into());
        }
        let content = body::read(content, api.body_bytes_max()).await?;
        let key = verified(keys, &claim, &head, &content).await?;
        if is_change {
            self.take(&claim, &*clock)?;
        }
        keys.used(&key).await;
        tracing::debug!(key = key.id, "a call was signed");
        Ok(Request::from_parts(parts, Body::from(content)))
    }

    fn take(&self, claim: &Claim, clock: &dyn Clock) -> Result<(), Refusal> {
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        replays.take(claim.signature, claim.end(), clock.now())
    }
}

fn is_change(head: &Head) -> bool {
    let target = head.headers.get(TARGET).and_then(|target| target.to_str().ok());
    let name = target.and_then(|target| target.strip_prefix(SERVICE)).unwrap_or_default();
    !READING.iter().any(|reading| name.starts_with(reading))
}

/// The key whose signature this is. WHY: a key that there is not is checked like another one, so that neither the time
/// nor the words of a refusal tell which keys there are to who has no secret.
async fn verified(keys: &Keys, claim: &Claim, head: &Head<'_>, body: &[u8]) -> Result<AccessKey, Fault> {
    let key = keys.usable(&claim.access_key).await.map_err(|error| Fault::unavailable(&error))?;
    let verified = claim.verify(head, body, &keys.secret(&claim.access_key));
    let has_token = head.headers.contains_key("x-amz-security-token");
    let key = key.filter(|_| !has_token).ok_or(Refusal::UnknownKey)?;
    verified?;
    Ok(key)
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status =
            if refusal == Refusal::Missing { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
        Self { code: refusal.code(), message: refusal.to_string(), status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_each_api_are_told_apart() {
        let of = |method: Method, path: &str, target: bool| {
            let mut request = Request::builder().method(method).uri(path);
            if target {
                request = request.header(TARGET, "AWSStepFunctions.ListActivities");
            }
            api(&request.body(Body::empty()).unwrap())
        };
        assert_eq!(of(Method::POST, "/", true), Some(Api::States));
        assert_eq!(of(Method::POST, "/", false), None);
        for path in [
            "/2015-03-31/functions",
            "/2015-03-31/functions/",
            "/2015-03-31/functions/f/invocations?Qualifier=1",
        ] {
            assert_eq!(of(Method::GET, path, false), Some(Api::Lambda), "{path}");
        }
        for path in ["/2015-03-31/functionsx", "/v1/functions", "/x/2015-03-31/functions"] {
            assert_eq!(of(Method::POST, path, true), None, "{path}");
        }
    }

    #[tokio::test]
    async fn unsigned_calls_are_taken_on_the_loopback_at_the_operators_word_only() {
        let loopback = ([127, 0, 0, 1], 1).into();
        let admits = async |admission, listen| {
            Gate::new(admission, listen, None).admit(Api::States, Request::default()).await.is_ok()
        };
        assert!(admits(Admission::Everybody, loopback).await);
        assert!(!admits(Admission::Signed, loopback).await);
        assert!(!admits(Admission::Everybody, ([10, 0, 0, 1], 1).into()).await);
    }
}
