//! What stands before each handler: whose name was asked for, who asks, from which site, how long it may take.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use sha2::{Digest, Sha256};

use crate::{
    lambda, pages,
    problem::{FORBIDDEN_ORIGIN, TIMEOUT, TOO_MANY_STREAMS, UNAUTHORIZED, WRONG_HOST},
    serve::Place,
    session::Sessions,
    states::admit::{self, Api, Gate},
    wire::Problem,
};

/// How long a request may take that is neither a stream nor an upload.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Where access keys are: nobody reads there without the token.
const KEYS: &str = "/v1/keys";

/// Pages that do what the Step Functions API does: who may call that without a signature may use their forms.
const STATES_PAGES: &[&str] = &["/machines", "/activities", "/executions"];

/// What everybody may read: how to get in, and what that page looks like.
const OPEN: &[&str] = &["/sign-in", "/assets", "/v1/health"];

/// Nothing from elsewhere, no inline script or style, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Who may ask what.
pub struct Guard {
    token_sha256: [u8; 32],
    hosts: Vec<String>,
    listen: SocketAddr,
    gate: Gate,
    sessions: Sessions,
}

/// What who asks may do on the pages: what they offer follows from it, what is refused does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// They have signed in with the token, so they may do everything.
    pub is_signed_in: bool,
    /// They may do what the Step Functions API does: machines, executions, activities.
    pub may_use_states: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

impl Guard {
    /// A guard for a server at `listen`: `token` is needed for what changes anything (and for everything if `listen`
    /// can be reached from other machines); `hosts` are names besides the loopback ones. calls of AWS's APIs carry no
    /// bearer token: they pass `gate`.
    pub fn new(token: &str, hosts: &[String], listen: SocketAddr, gate: Gate) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let sessions = Sessions::new(listen.port());
        Self { token_sha256: sha256(token), hosts, listen, gate, sessions }
    }

    /// Who has signed in.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The request if it may go on, or its refusal.
    async fn pass(&self, mut request: Request) -> Result<Request, Response> {
        let Some(api) = admit::api(&request) else {
            let access = self.check(&request).map_err(|problem| refusal(&request, problem))?;
            request.extensions_mut().insert(access);
            return Ok(request);
        };
        let host = self.check_host(request.uri(), request.headers());
        if let Err(problem) = host.and_then(|()| check_origin(request.headers())) {
            return Err(problem.into_response());
        }
        self.gate.admit(api, request).await.map_err(|fault| match api {
            Api::States => fault.into_response(),
            Api::Lambda => lambda::refused(&fault),
        })
    }

    fn check(&self, request: &Request) -> Result<Access, Problem> {
        let (path, headers) = (request.uri().path(), request.headers());
        self.check_host(request.uri(), headers)?;
        let is_signed_in = self.sessions.holds(headers);
        let access = Access { is_signed_in, may_use_states: is_signed_in || self.gate.is_open() };
        match is_change(request) {
            true => self.check_change(path, headers, access)?,
            false => self.check_read(path, headers, access)?,
        }
        Ok(access)
    }

    fn check_read(&self, path: &str, headers: &HeaderMap, access: Access) -> Result<(), Problem> {
        let is_readable = self.listen.ip().is_loopback() && !path.starts_with(KEYS);
        let is_open = OPEN.iter().any(|open| is_below(path, open));
        if is_readable || is_open || access.is_signed_in { Ok(()) } else { self.check_token(headers) }
    }

    /// WHY: a session is in a cookie, which browsers send along whoever asks them to. So it changes nothing over the
    /// API, and on the pages only what comes from a form of their own.
    fn check_change(&self, path: &str, headers: &HeaderMap, access: Access) -> Result<(), Problem> {
        check_origin(headers)?;
        if !is_page(path) || headers.contains_key(header::AUTHORIZATION) {
            return self.check_token(headers);
        }
        check_form(headers)?;
        let is_for_states = STATES_PAGES.iter().any(|page| is_below(path, page));
        let is_open = path == "/sign-in" || (is_for_states && access.may_use_states);
        if is_open || access.is_signed_in {
            return Ok(());
        }
        Err(UNAUTHORIZED.because("you are not signed in, or no more").hint("nothing was changed"))
    }

    /// Refuses names that a foreign site could have pointed at this address (DNS rebinding).
    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = uri.host().or_else(|| host_name(headers.get(header::HOST)?.to_str().ok()?));
        let host = host.unwrap_or_default().to_ascii_lowercase();
        // WHY: clients of Step Functions put the one before the name to call `StartSyncExecution`, and the other is how
        // AWS names the service.
        let name = host.strip_prefix("sync-").unwrap_or(&host);
        let host = name.strip_prefix("states.").unwrap_or(name).to_owned();
        let is_known =
            matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") || self.hosts.contains(&host);
        if is_known {
            return Ok(());
        }
        Err(WRONG_HOST
            .because(format!("the server does not answer to `{host}`"))
            .at("Host")
            .hint("ask for `localhost`, or start the server with this name as an allowed host"))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(bearer);
        let hint = "send the header `Authorization: Bearer <token>`";
        match token {
            None => Err(UNAUTHORIZED.because("there is no bearer token").at("Authorization").hint(hint)),
            Some(token) if self.is_token(token) => Ok(()),
            Some(_) => {
                Err(UNAUTHORIZED.because("the token is not the server's").at("Authorization").hint(hint))
            }
        }
    }

    /// Takes the same time for each wrong token: hashes are compared, and all of them.
    pub fn is_token(&self, token: &str) -> bool {
        let given = sha256(token);
        given.iter().zip(&self.token_sha256).fold(0, |different, (a, b)| different | (a ^ b)) == 0
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name in `name:port`, with the brackets of an IPv6 address.
fn host_name(host: &str) -> Option<&str> {
    match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => host.get(..end.saturating_add(2)),
        None => host.split(':').next(),
    }
}

fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_same = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("?"));
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if origin.is_some_and(|origin| !is_same(origin)) || matches!(site, Some("cross-site" | "same-site")) {
        let detail = format!("`{}` may not change anything here", origin.unwrap_or("another site"));
        return Err(FORBIDDEN_ORIGIN.because(detail).at("Origin"));
    }
    Ok(())
}

/// Only what a browser says to come from a page of this server: what names no origin at all is refused too.
fn check_form(headers: &HeaderMap) -> Result<(), Problem> {
    // WHY: browsers leave `Sec-Fetch-Site` out where there is no TLS, but for the loopback; the origin they do send.
    let is_own = match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => headers.contains_key(header::ORIGIN),
    };
    if is_own {
        return Ok(());
    }
    Err(FORBIDDEN_ORIGIN
        .because("the request does not say that it comes from a page of this server")
        .at("Origin")
        .hint("programs use the APIs, with the token or an access key"))
}

fn is_change(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_page(path: &str) -> bool {
    !is_below(path, "/v1") && path != "/metrics"
}

/// Whether `path` is `place` or below it.
fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A refusal: for people who look at a page, a page.
fn refusal(request: &Request, problem: Problem) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if !is_page(request.uri().path()) || !accept.is_some_and(|accept| accept.contains("text/html")) {
        return problem.into_response();
    }
    let is_unknown = problem.status == StatusCode::UNAUTHORIZED;
    match (is_unknown, is_change(request)) {
        (true, false) => pages::to_sign_in(request.uri()),
        (true, true) => pages::not_signed_in(),
        (false, _) => pages::Failed::from(problem).into_response(),
    }
}

/// Refuses what the guard refuses, and gives each answer its headers.
pub async fn protect(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let is_asset = request.uri().path().starts_with("/assets/");
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let mut response = match guard.pass(request).await {
        Ok(request) => counted(next.run(request).await, place.as_deref()),
        Err(refusal) => refusal,
    };
    let is_kept = is_asset && response.status().is_success();
    let headers = response.headers_mut();
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // WHY: with `no-referrer` a browser tells no origin of its forms either. Other sites are told nothing by this one.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if !is_kept {
        set(header::CACHE_CONTROL, "no-store");
    }
    response
}

/// An answer that is no stream, or one for which there is room.
fn counted(response: Response, place: Option<&Place>) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_stream = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    if !is_stream || place.is_none_or(Place::parks) {
        return response;
    }
    TOO_MANY_STREAMS
        .because("as many streams are open as the server can hold")
        .hint("read the events in pages, or come again later")
        .into_response()
}

/// Ends a request that takes longer than [`REQUEST_TIME_MAX`].
pub async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let seconds = REQUEST_TIME_MAX.as_secs();
            TIMEOUT.because(format!("there was no answer within {seconds} s")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::states::admit::Admission;

    #[test]
    fn host_names_lose_their_port() {
        let cases = [("localhost:80", "localhost"), ("[::1]:80", "[::1]"), ("a.b", "a.b"), ("[::1", "[")];
        for (host, name) in cases {
            assert_eq!(host_name(host), Some(name));
        }
    }

    #[test]
    fn only_the_token_is_the_token() {
        let listen = ([127, 0, 0, 1], 0).into();
        let guard = Guard::new("secret", &[], listen, Gate::new(Admission::Signed, listen, None));
        assert!(guard.is_token("secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(!guard.is_token(wrong), "{wrong}");
        }
    }
}
