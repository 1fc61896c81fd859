//! Streams that keep pages fresh, asked for without a socket.

use std::time::Duration;

use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt;

use crate::{
    fixture::{EVENTS_AT_FIRST, FAILED, RUNNING},
    support::{Server, request},
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream that is being read.
struct Reader {
    body: Body,
    text: String,
}

impl Reader {
    async fn open(server: &Server, path: &str, last_event_id: Option<u64>) -> Self {
        let mut request = request("GET", path, Body::empty());
        request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
        if let Some(id) = last_event_id {
            request.headers_mut().insert("last-event-id", id.into());
        }
        let response = server.begin(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// Reads until `needle` has come; false if the stream has ended before.
    async fn until(&mut self, needle: &str) -> bool {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.text.contains(needle) {
            let frame = tokio::time::timeout_at(deadline, self.body.frame()).await;
            let Some(frame) = frame.unwrap_or_else(|_| panic!("no {needle}: {}", self.text)) else {
                return false;
            };
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
        true
    }

    async fn until_end(mut self) -> String {
        assert!(!self.until("\u{0}").await);
        self.text
    }
}

fn ids(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

/// The stream that a page asks for.
fn live_path(html: &str) -> String {
    let start = html.find("data-live=\"").expect("the page is live") + "data-live=\"".len();
    html[start..].split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_between_page_and_stream_is_not_lost() {
    let server = Server::new();
    let html = server.get(&format!("/executions/host/{RUNNING}")).await.body;
    let last = EVENTS_AT_FIRST;
    assert!(html.contains(&format!("id=\"e-{last}\"")) && !html.contains(&format!("id=\"e-{}\"", last + 1)));
    server.app.advance(2);
    let mut reader = Reader::open(&server, &live_path(&html), None).await;
    assert!(reader.until(&format!("id=\"e-{}\"", last + 2)).await);
    assert!(
        reader.text.contains(&format!("<table data-into=\"events\"><tbody><tr id=\"e-{}\">", last + 1)),
        "{}",
        reader.text
    );
    assert!(!reader.text.contains(&format!("id=\"e-{last}\"")), "what the page has is not sent again");
    assert!(ids(&reader.text).contains(&(last as u64 + 2)));
}

#[tokio::test]
async fn a_page_follows_to_the_end_and_stops() {
    let server = Server::new();
    let html = server.get(&format!("/executions/host/{RUNNING}")).await.body;
    let mut reader = Reader::open(&server, &live_path(&html), None).await;
    assert!(reader.until("data-node").await || reader.text.contains("id=\"head\""));
    server.app.advance(10_000);
    let text = reader.until_end().await;
    for needed in
        ["title=\"Shift: succeeded\"", "title=\"CleanUpSuccess: succeeded\"", "Succeeded", "event: end"]
    {
        assert!(text.contains(needed), "{needed}");
    }
}

#[tokio::test]
async fn events_are_streamed_from_where_the_client_was() {
    let server = Server::new();
    let path = format!("/v1/deployments/{FAILED}/events");
    let all = Reader::open(&server, &path, None).await.until_end().await;
    let count = ids(&all).len() as u64;
    assert_eq!(ids(&all), (1..=count).collect::<Vec<_>>());
    assert!(all.trim_end().ends_with(&format!("event: end\ndata: {count}")), "{all}");
    let rest = Reader::open(&server, &format!("{path}?after=2"), Some(count - 3)).await.until_end().await;
    assert_eq!(ids(&rest), [count - 2, count - 1, count]);
    let none = Reader::open(&server, &format!("{path}?after={count}"), None).await.until_end().await;
    assert!(ids(&none).is_empty() && none.contains("event: end"), "{none}");
}

#[tokio::test]
async fn a_bad_position_is_refused() {
    let server = Server::new();
    let mut bad = request("GET", &format!("/v1/deployments/{RUNNING}/events"), Body::empty());
    bad.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    bad.headers_mut().insert("last-event-id", "x".parse().unwrap());
    assert_eq!(server.ask(bad).await.json()["field"], "Last-Event-ID");
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let server = Server::new();
    let paths = [
        format!("/v1/deployments/{RUNNING}/events"),
        format!("/executions/host/{RUNNING}/live?after=1"),
        "/live".to_owned(),
        "/services/acme~shop/production/web/live".to_owned(),
    ];
    let mut readers = Vec::new();
    for path in &paths {
        let mut reader = Reader::open(&server, path, None).await;
        assert!(reader.until("\n\n").await);
        readers.push(reader);
    }
    server.stop.cancel();
    for reader in readers {
        reader.until_end().await;
    }
}

#[tokio::test]
async fn a_service_page_gets_new_numbers_each_second() {
    let server = Server::new();
    let mut reader = Reader::open(&server, "/services/acme~shop/production/web/live", None).await;
    assert!(reader.until("id=\"log\"").await);
    let first = reader.text.len();
    assert!(
        reader.until("\n\ndata: <section id=\"traffic\">").await,
        "the second message holds what has changed"
    );
    assert!(!reader.text[first..].contains("id=\"log\""), "what has not changed is not sent again");
}
