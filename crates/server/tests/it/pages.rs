//! The pages as they are without a script.

use axum::body::Body;
use http::StatusCode;

use crate::{
    fixture::{FAILED, RUNNING},
    support::{Answer, Server, request},
};

async fn page(server: &Server, path: &str) -> Answer {
    let answer = server.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    answer
}

fn paths() -> Vec<String> {
    vec![
        "/".to_owned(),
        "/executions".to_owned(),
        "/executions?status=FAILED&machine=host".to_owned(),
        format!("/executions/host/{RUNNING}"),
        format!("/executions/host/{FAILED}"),
        format!("/executions/host/{FAILED}/events"),
        format!("/executions/host/{FAILED}/events?order=reverse"),
        format!("/executions/host/{FAILED}/states/2"),
        "/executions/nightly-report/report-2026-11-21".to_owned(),
        "/services/acme~shop/production/web".to_owned(),
        "/services/blog/production/web".to_owned(),
        "/machines".to_owned(),
        "/machines/host".to_owned(),
        "/machines/nightly-report".to_owned(),
        "/machines/nightly-report/versions".to_owned(),
        "/activities".to_owned(),
        "/sign-in".to_owned(),
    ]
}

fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(start.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn every_page_is_whole_and_accessible() {
    let server = Server::new();
    for path in paths() {
        let html = page(&server, &path).await.body;
        for needed in [
            "<!DOCTYPE html>",
            "<html lang=\"en\">",
            "name=\"viewport\"",
            "<main ",
            "<nav ",
            "<h1",
            "<title>",
        ] {
            assert!(html.contains(needed), "{path} has no {needed}");
        }
        assert_eq!(
            html.matches("<th").count(),
            html.matches("scope=").count() + html.matches("<thead").count(),
            "{path}"
        );
        let mut ids = values(&html, "id");
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "{path} has an id twice");
    }
}

#[tokio::test]
async fn no_page_needs_what_the_policy_forbids() {
    let server = Server::new();
    for path in paths() {
        let html = page(&server, &path).await.body;
        for forbidden in
            [" style=\"", "<style", "<script>", " onclick=", "javascript:", "src=\"http", "@import"]
        {
            assert!(!html.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn words_of_people_stay_words() {
    let server = Server::new();
    for path in [
        "/".to_owned(),
        format!("/executions/host/{FAILED}"),
        "/services/acme~shop/production/web".to_owned(),
    ] {
        let html = page(&server, &path).await.body;
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{path}");
        for hostile in ["<script>alert", "<img", "<b>slow", "<m@x>"] {
            assert!(!html.contains(hostile), "{path} has {hostile}");
        }
    }
}

#[tokio::test]
async fn every_link_leads_somewhere() {
    let server = Server::new();
    let mut seen = std::collections::BTreeSet::new();
    for path in paths() {
        let html = page(&server, &path).await.body;
        let links: Vec<String> =
            values(&html, "href").into_iter().map(|link| link.replace("&amp;", "&")).collect();
        seen.extend(links.into_iter().filter(|link| link.starts_with('/')));
    }
    assert!(seen.len() > 20, "{seen:?}");
    for link in seen {
        let mut answer = server.get(&link).await;
        if [StatusCode::TEMPORARY_REDIRECT, StatusCode::SEE_OTHER].contains(&answer.status) {
            answer = server.get(answer.header("location")).await;
        }
        assert_eq!(answer.status, StatusCode::OK, "{link}");
    }
}

#[tokio::test]
async fn a_failure_is_on_the_first_screen() {
    let server = Server::new();
    let html = page(&server, &format!("/executions/host/{FAILED}")).await.body;
    let head = html.split("State graph").next().unwrap();
    for needed in [
        "Failed, clean",
        "GateError",
        "Shift",
        "14 of 312 requests failed",
        "shipway logs",
        "mallory",
        "9.7 s",
    ] {
        assert!(head.contains(needed), "{needed}");
    }
    assert!(!html.contains("data-live"), "what has ended does not change");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_on_the_first_screen() {
    let server = Server::new();
    let well = page(&server, "/").await.body;
    assert!(!well.contains("The store cannot be written"));
    server.app.is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let html = page(&server, "/").await.body;
    for needed in ["The store cannot be written.", "Deployments stand still", "disk full"] {
        assert!(html.contains(needed), "{needed}");
    }
    let running = page(&server, &format!("/executions/host/{RUNNING}")).await.body;
    assert!(running.contains("it stands still until the store can be written"));
}

#[tokio::test]
async fn a_service_that_is_down_says_why() {
    let server = Server::new();
    for path in ["/", "/services/mailer/production/worker"] {
        let html = page(&server, path).await.body;
        assert!(html.contains("cannot be started again: its artifact was altered"), "{path}");
    }
}

#[tokio::test]
async fn who_broke_a_lock_stays_with_the_deployment_that_kept_it() {
    let server = Server::new();
    assert!(page(&server, "/").await.body.contains("lock broken by kim"));
    let html = page(&server, "/executions/host/blog-production-ydkkvua").await.body;
    for needed in ["Lock broken", "kim", "stopped pid 4711 by hand"] {
        assert!(html.contains(needed), "{needed}");
    }
}

#[tokio::test]
async fn who_wrote_a_commit_and_who_deployed_it_have_columns_of_their_own() {
    let server = Server::new();
    let html = page(&server, "/").await.body;
    let (services, deployments) = html.split_once("Recent deployments").unwrap();
    assert!(services.contains(">Author<") && !services.contains(">By<"));
    assert!(deployments.contains(">By<") && !deployments.contains(">Author<"));
}

#[tokio::test]
async fn the_graph_shows_how_each_state_stands() {
    let server = Server::new();
    let html = page(&server, &format!("/executions/host/{FAILED}")).await.body;
    for shown in [
        "data-s=\"caught\" role=\"img\" aria-label=\"Shift: caught\"",
        "data-s=\"succeeded\" role=\"img\" aria-label=\"Deploy: succeeded\"",
        "data-s=\"failed\" role=\"img\" aria-label=\"FailedClean: failed\"",
        "data-s=\"waiting\" role=\"img\" aria-label=\"Bake: waiting\"",
        "class=\"edge catch\"",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn the_address_without_a_machine_leads_to_the_execution() {
    let server = Server::new();
    let answer = server.get(&format!("/executions/{FAILED}")).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.header("location"), format!("/executions/host/{FAILED}"));
    assert_eq!(
        server.get(&format!("/executions/nightly-report/{FAILED}")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn executions_are_filtered() {
    let server = Server::new();
    let failed = page(&server, "/executions?status=FAILED").await.body;
    assert!(failed.contains(FAILED) && !failed.contains(RUNNING));
    let none = page(&server, "/executions?status=TIMED_OUT").await.body;
    assert!(none.contains("There is no such execution."));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_people() {
    let server = Server::new();
    let mut unknown = request("GET", "/nothing", Body::empty());
    unknown.headers_mut().insert("accept", "text/html".parse().unwrap());
    for answer in [
        server.ask(unknown).await,
        server.get("/executions/nothing").await,
        server.get("/services/a/b/c").await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("There is no such thing"), "{}", answer.body);
    }
}

#[tokio::test]
async fn files_are_kept_by_browsers_and_small() {
    let server = Server::new();
    let html = page(&server, "/").await.body;
    for (attribute, limit) in [("href=\"/assets/shipway-", 26_000), ("src=\"/assets/shipway-", 3_072)] {
        let start = html.find(attribute).unwrap() + attribute.find('/').unwrap();
        let path = html[start..].split('"').next().unwrap();
        let file = server.get(path).await;
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(file.body.len() < limit, "{path} has {} bytes", file.body.len());
    }
    assert_eq!(server.get("/assets/shipway-000000000000.css").await.status, StatusCode::NOT_FOUND);
}
