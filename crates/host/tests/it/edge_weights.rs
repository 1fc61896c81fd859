//! Which process a request goes to: shares, health, retries.

use std::time::Duration;

use shipway_host::load::{self, Plan};
use tokio_util::sync::CancellationToken;

use crate::edge_kit::*;

async fn send(port: u16, requests: u64) -> load::Report {
    let plan =
        Plan { requests: Some(requests), connections: 8, ..Plan::new(format!("http://127.0.0.1:{port}")) };
    load::run(plan, CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_percent_is_ten_of_each_hundred() {
    let edge = Edge::start().await;
    let (old, new) = (App::start("old").await, App::start("new").await);
    let port = free_port();
    edge.client
        .set_route(&route(port, vec![target("old", 90, &[&old]), target("new", 10, &[&new])]))
        .await
        .unwrap();
    for _ in 0..3 {
        let report = send(port, 100).await;
        assert_eq!((report.by_version["old"].ok, report.by_version["new"].ok), (90, 10));
    }
    let traffic = edge.client.traffic(&web()).await.unwrap();
    assert_eq!((traffic.releases["old"].requests, traffic.releases["new"].requests), (270, 30));
    assert_eq!(traffic.releases["new"].latency.iter().sum::<u64>(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_processes_of_a_release_share_its_requests() {
    let edge = Edge::start().await;
    let apps = [App::start("1").await, App::start("1").await, App::start("1").await];
    let port = free_port();
    edge.client
        .set_route(&route(port, vec![target("1", 1, &apps.iter().collect::<Vec<_>>())]))
        .await
        .unwrap();
    assert_eq!(send(port, 300).await.ok, 300);
    for app in &apps {
        assert!(app.hits() >= 50, "{}", app.hits());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_costs_no_request_and_is_taken_out_until_it_is_back() {
    let edge = Edge::start().await;
    let (one, two) = (App::start("1").await, App::start("1").await);
    let port = free_port();
    let gone = two.port;
    edge.client.set_route(&route(port, vec![target("1", 1, &[&one, &two])])).await.unwrap();
    assert_eq!(send(port, 50).await.ok, 50);
    two.kill().await;
    let report = send(port, 500).await;
    assert_eq!(report.ok, 500, "{:?}", report.failed);
    let is_healthy = async || {
        let snapshot = edge.client.snapshot().await.unwrap();
        let processes = &snapshot.routes[0].targets[0].processes;
        processes.iter().find(|process| process.port == gone).unwrap().is_healthy
    };
    until(async || !is_healthy().await).await;
    let back = App::start_at("1", gone).await;
    until(is_healthy).await;
    assert_eq!(send(port, 50).await.ok, 50);
    assert!(back.hits() > 0);
    let traffic = edge.client.traffic(&web()).await.unwrap();
    assert_eq!(traffic.releases["1"].failures, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_lets_another_one_answer_has_failed() {
    let edge = Edge::start().await;
    let old = App::start("old").await;
    let port = free_port();
    let dead = target_at("new", 50, vec![free_port()]);
    edge.client.set_route(&route(port, vec![target("old", 50, &[&old]), dead])).await.unwrap();
    let report = send(port, 100).await;
    assert_eq!((report.ok, report.by_version["old"].ok), (100, 100));
    let traffic = edge.client.traffic(&web()).await.unwrap();
    assert_eq!((traffic.releases["new"].failures, traffic.releases["new"].requests), (50, 0));
    assert_eq!((traffic.releases["old"].failures, traffic.releases["old"].requests), (0, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_process_is_tried_even_if_it_is_unfit() {
    let edge = Edge::start().await;
    let port = free_port();
    let dead = free_port();
    edge.client.set_route(&route(port, vec![target_at("1", 1, vec![dead])])).await.unwrap();
    for _ in 0..5 {
        let answer = get(port, "/").await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(answer.ends_with("the service refuses connections\n"), "{answer}");
    }
    let app = App::start_at("1", dead).await;
    assert!(get(port, "/").await.ends_with("ok"));
    let traffic = edge.client.traffic(&web()).await.unwrap();
    assert_eq!((traffic.releases["1"].failures, traffic.releases["1"].requests), (5, 1));
    app.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_errors_and_answers_cut_short_are_counted() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    assert!(get(port, "/500").await.starts_with("HTTP/1.1 500 "));
    let cut = get(port, "/cut").await;
    assert!(cut.starts_with("HTTP/1.1 200 ") && cut.ends_with("half"), "{cut}");
    edge.drained("1").await;
    let traffic = edge.client.traffic(&web()).await.unwrap();
    let counts = &traffic.releases["1"];
    assert_eq!((counts.requests, counts.server_errors, counts.failures), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_process_the_answer_is_503() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 0, &[&app])])).await.unwrap();
    assert!(get(port, "/").await.starts_with("HTTP/1.1 503 "));
    assert_eq!(app.hits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_nothing_in_flight() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    let plan = Plan {
        requests: Some(1),
        connections: 1,
        timeout: Duration::from_millis(100),
        paths: vec![load::PathShare { path: "/never".into(), weight: 1 }],
        ..Plan::new(format!("http://127.0.0.1:{port}"))
    };
    let report = load::run(plan, CancellationToken::new()).await.unwrap();
    assert_eq!(report.failed["timeout"], 1);
    edge.drained("1").await;
    let traffic = edge.client.traffic(&web()).await.unwrap();
    assert_eq!(traffic.releases["1"].failures, 0);
}
