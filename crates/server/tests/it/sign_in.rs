//! Signing in on the pages, and what a form of theirs must bring along.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::support::{Answer, Server, TOKEN};

/// A form as a browser sends it from a page of this server.
fn form(path: &str) -> http::request::Builder {
    Request::post(path)
        .header("host", "localhost:7077")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://localhost:7077")
        .header("sec-fetch-site", "same-origin")
}

async fn sign_in(server: &Server, body: &str) -> Answer {
    server.ask(form("/sign-in").body(Body::from(body.to_owned())).unwrap()).await
}

async fn cookie(server: &Server) -> String {
    let answer = sign_in(server, &format!("token={TOKEN}&next=%2Fmachines")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/machines"));
    answer.header("set-cookie").to_owned()
}

async fn read(server: &Server, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path).header("host", "localhost:7077").header("accept", "text/html");
    server.ask(request.header("cookie", cookie).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_token_is_changed_for_a_session_that_scripts_and_other_sites_do_not_get() {
    let server = Server::new();
    let set = cookie(&server).await;
    let (pair, rules) = set.split_once("; ").unwrap();
    assert_eq!(rules, "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
    assert!(!pair.contains(TOKEN));
    assert!(read(&server, "/sign-in", pair).await.body.contains("You are signed in"));
    assert!(!read(&server, "/sign-in", "shipway_7077=guessed").await.body.contains("You are signed in"));
}

#[tokio::test]
async fn another_token_is_refused_at_its_field_and_not_shown_again() {
    let server = Server::new();
    for wrong in ["guessed", "", &TOKEN[1..]] {
        let answer = sign_in(&server, &format!("token={wrong}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.body.contains("aria-invalid=\"true\""), "{}", answer.body);
        assert!(answer.body.contains("This is not the server's token."));
        assert!(wrong.is_empty() || !answer.body.contains(&format!("\"{wrong}\"")));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_session_that_was_ended_is_none() {
    let server = Server::new();
    let set = cookie(&server).await;
    let pair = set.split(';').next().unwrap();
    let out = form("/sign-out").header("cookie", pair).body(Body::empty()).unwrap();
    let answer = server.ask(out).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert!(!read(&server, "/sign-in", pair).await.body.contains("You are signed in"));
}

#[tokio::test]
async fn nobody_is_led_to_another_site_by_signing_in() {
    let server = Server::new();
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", ""] {
        let answer = sign_in(&server, &format!("token={TOKEN}&next={next}")).await;
        assert_eq!(answer.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_or_of_nowhere_is_refused_with_a_session_too() {
    let server = Server::new();
    let set = cookie(&server).await;
    let pair = set.split(';').next().unwrap().to_owned();
    let cases: [(&str, Option<&str>, Option<&str>); 7] = [
        ("another site", Some("http://evil.example"), Some("cross-site")),
        ("another port", Some("http://localhost:9999"), Some("same-site")),
        ("hidden origin", Some("null"), Some("cross-site")),
        ("hidden origin of an old browser", Some("null"), None),
        ("a browser that says less", None, Some("none")),
        ("no browser", None, None),
        ("a lie that does not fit", Some("http://evil.example"), Some("same-origin")),
    ];
    for (what, origin, site) in cases {
        let mut request = Request::post("/sign-out")
            .header("host", "localhost:7077")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &pair);
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = server.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
        assert!(read(&server, "/sign-in", &pair).await.body.contains("You are signed in"), "{what}");
    }
}

#[tokio::test]
async fn a_session_changes_nothing_over_the_api() {
    let server = Server::new();
    let set = cookie(&server).await;
    let body = r#"{"project": "acme/shop", "environment": "production", "actor": "pat"}"#;
    let request = Request::post("/v1/rollbacks")
        .header("host", "localhost:7077")
        .header("origin", "http://localhost:7077")
        .header("content-type", "application/json")
        .header("cookie", set.split(';').next().unwrap());
    let answer = server.ask(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(server.app.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn off_the_loopback_people_are_led_to_sign_in_and_then_read() {
    let server = Server::listening(([10, 0, 0, 1], 7077).into());
    let answer = read(&server, "/executions?status=FAILED", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "/sign-in?next=%2Fexecutions%3Fstatus%3DFAILED");
    let page = read(&server, "/sign-in", "").await;
    assert_eq!(page.status, StatusCode::OK);
    let style = page.body.split("/assets/shipway-").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(read(&server, &format!("/assets/shipway-{style}"), "").await.status, StatusCode::OK);
    let set = cookie(&server).await;
    let answer = read(&server, "/executions", set.split(';').next().unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_without_a_session_says_how_nothing_is_lost() {
    let server = Server::new();
    let answer = server.ask(form("/machines/orders/edit").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains("Nothing was changed, and nothing is lost"), "{}", answer.body);
}
