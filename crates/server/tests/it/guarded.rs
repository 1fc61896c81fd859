//! Who may ask what, and what every answer carries.

use axum::body::Body;
use http::{HeaderValue, StatusCode};

use crate::support::{Server, TOKEN, request};

const BODY: &str = r#"{"project": "acme/shop", "environment": "production", "actor": "pat"}"#;

async fn rollback(server: &Server, change: impl FnOnce(&mut http::HeaderMap)) -> (StatusCode, String) {
    let mut request = request("POST", "/v1/rollbacks", Body::from(BODY));
    change(request.headers_mut());
    let answer = server.ask(request).await;
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

fn text(value: &str) -> HeaderValue {
    value.parse().unwrap()
}

#[tokio::test]
async fn a_change_needs_the_token() {
    let server = Server::new();
    for wrong in ["Bearer wrong", "Bearer ", "Basic YTpi", "a-token-of-the-tests"] {
        let (status, code) =
            rollback(&server, |headers| drop(headers.insert("authorization", text(wrong)))).await;
        assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "unauthorized"), "{wrong}");
    }
    let (status, _) = rollback(&server, |headers| drop(headers.remove("authorization"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(server.app.asked.lock().unwrap().is_empty());
    assert_eq!(rollback(&server, |_| ()).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn another_site_may_not_change_anything() {
    let server = Server::new();
    for origin in
        ["http://evil.example", "null", "http://localhost:9999", "http://localhost:7077.evil.example"]
    {
        let (status, code) = rollback(&server, |headers| drop(headers.insert("origin", text(origin)))).await;
        assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "forbidden_origin"), "{origin}");
    }
    let cross = |headers: &mut http::HeaderMap| drop(headers.insert("sec-fetch-site", text("cross-site")));
    assert_eq!(rollback(&server, cross).await.0, StatusCode::FORBIDDEN);
    assert!(server.app.asked.lock().unwrap().is_empty());
    let same = |headers: &mut http::HeaderMap| drop(headers.insert("origin", text("http://localhost:7077")));
    assert_eq!(rollback(&server, same).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn only_known_names_are_answered_to() {
    let server = Server::new();
    let cases = [
        ("localhost:7077", StatusCode::OK),
        ("127.0.0.1", StatusCode::OK),
        ("[::1]:7077", StatusCode::OK),
        ("Shipway.Test:443", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("localhost.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("", StatusCode::MISDIRECTED_REQUEST),
    ];
    for (host, status) in cases {
        let mut request = request("GET", "/v1/services", Body::empty());
        request.headers_mut().insert("host", text(host));
        assert_eq!(server.ask(request).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn off_the_loopback_reading_needs_the_token_too() {
    let server = Server::listening(([10, 0, 0, 1], 7077).into());
    for (path, status) in [("/", 401), ("/v1/services", 401), ("/metrics", 401), ("/v1/health", 200)] {
        let mut request = request("GET", path, Body::empty());
        request.headers_mut().remove("authorization");
        assert_eq!(server.ask(request).await.status.as_u16(), status, "{path}");
    }
    assert_eq!(server.get("/v1/services").await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_is_fenced_in() {
    let server = Server::new();
    for path in ["/", "/v1/services", "/nothing", "/v1/nothing", "/metrics"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn step_functions_calls_are_refused_in_their_own_protocol() {
    let server = Server::new();
    let call = http::Request::post("/")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("x-amz-target", "AWSStepFunctions.ListActivities");
    let answer = server.ask(call.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(answer.json()["__type"], "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn the_prefix_of_synchronous_calls_leads_to_the_same_host() {
    let server = Server::new();
    let ask = async |host: &str| {
        let request = http::Request::get("/v1/health").header("host", host).body(Body::empty()).unwrap();
        server.ask(request).await.status
    };
    assert_eq!(ask("sync-localhost:7077").await, StatusCode::OK);
    assert_ne!(ask("sync-elsewhere").await, StatusCode::OK);
}
