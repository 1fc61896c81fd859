//! Switches of versions under load: nothing is lost.

use futures_util::{SinkExt, StreamExt};
use shipway_host::load::{self, PathShare, Plan, Report};
use tokio::{net::TcpStream, sync::watch, task::JoinHandle};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

use crate::edge_kit::*;

type Socket = WebSocketStream<TcpStream>;

async fn open_socket(port: u16) -> Socket {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/ws"), stream).await.unwrap().0
}

async fn talk(socket: &mut Socket) {
    for text in ["one", "two", "three"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
}

struct Load {
    progress: watch::Receiver<Report>,
    running: JoinHandle<Report>,
}

impl Load {
    fn start(plan: Plan, stop: &CancellationToken) -> Self {
        let (sender, progress) = watch::channel(Report::default());
        let stop = stop.clone();
        let running =
            tokio::spawn(async move { load::run_with_progress(plan, Some(sender), stop).await.unwrap() });
        Self { progress, running }
    }

    async fn reaches(&mut self, requests: u64) {
        let reached = self.progress.wait_for(|report| report.requests >= requests);
        tokio::time::timeout(PATIENCE * 6, reached).await.unwrap().unwrap();
    }
}

fn plan(port: u16, connections: usize, path: &str) -> Plan {
    Plan {
        connections,
        paths: vec![PathShare { path: path.into(), weight: 1 }],
        ..Plan::new(format!("http://127.0.0.1:{port}"))
    }
}

/// Switches `switches` times between two versions, each started anew, the old one ended when it is drained.
async fn switch_under_load(loads: Vec<(usize, &str)>, keep_alive: bool, switches: u64, requests: u64) {
    let edge = Edge::start().await;
    let port = free_port();
    let mut current = vec![App::start("v0").await, App::start("v0").await];
    let mut release = "v0".to_owned();
    let all =
        |release: &str, apps: &[App]| route(port, vec![target(release, 1, &apps.iter().collect::<Vec<_>>())]);
    edge.client.set_route(&all(&release, &current)).await.unwrap();
    let stop = CancellationToken::new();
    let mut running: Vec<Load> = loads
        .iter()
        .map(|(connections, path)| Load::start(Plan { keep_alive, ..plan(port, *connections, path) }, &stop))
        .collect();
    for switch in 1..=switches {
        running[0].reaches(switch * requests / (switches + 1)).await;
        let mut socket = open_socket(port).await;
        talk(&mut socket).await;
        let next_release = format!("v{switch}");
        let next = vec![App::start(&next_release).await, App::start(&next_release).await];
        edge.client.set_route(&all(&next_release, &next)).await.unwrap();
        talk(&mut socket).await;
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
        edge.drained(&release).await;
        for app in std::mem::replace(&mut current, next) {
            app.kill().await;
        }
        release = next_release;
    }
    running[0].reaches(requests).await;
    stop.cancel();
    for load in running {
        let report = load.running.await.unwrap();
        assert!(report.requests > 0 && report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!(report.ok, report.requests);
    }
    let traffic = edge.client.traffic(&web()).await.unwrap();
    let failures: u64 = traffic.releases.values().map(|counts| counts.failures + counts.server_errors).sum();
    assert_eq!((failures, traffic.releases.len() as u64), (0, switches + 1));
    edge.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_switches_under_keep_alive_long_streaming_and_web_socket_load_lose_nothing() {
    switch_under_load(vec![(32, "/"), (8, "/long"), (4, "/stream")], true, 20, 50_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_lose_nothing_when_each_request_has_its_own_connection() {
    switch_under_load(vec![(16, "/"), (4, "/long")], false, 5, 3_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_alive_connection_goes_on_to_the_new_version() {
    let edge = Edge::start().await;
    let (one, two) = (App::start("1").await, App::start("2").await);
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&one])])).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stream = send_raw(port, request).await;
    assert!(read_until(&mut stream, "ok").await.contains("x-shipway-version: 1"));
    edge.client
        .set_route(&route(port, vec![target("2", 1, &[&two]), target("1", 0, &[&one])]))
        .await
        .unwrap();
    one.kill().await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "ok").await.contains("x-shipway-version: 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_counted_until_its_last_byte_and_ends_well() {
    let edge = Edge::start().await;
    let (one, two) = (App::start("1").await, App::start("2").await);
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&one])])).await.unwrap();
    let asking = tokio::spawn(async move { get(port, "/stream").await });
    until(async || one.hits() == 1).await;
    edge.client.set_route(&route(port, vec![target("2", 1, &[&two])])).await.unwrap();
    assert_eq!(edge.in_flight("1").await, 1);
    let answer = asking.await.unwrap();
    assert_eq!(answer.matches("0123456789").count(), 10, "{answer}");
    edge.drained("1").await;
    let counts = &edge.client.traffic(&web()).await.unwrap().releases["1"];
    assert_eq!((counts.requests, counts.failures), (1, 0));
    assert!(
        counts.latency[..24].iter().sum::<u64>() == 0,
        "latency is to the last byte: {:?}",
        counts.latency
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_requests_end_and_takes_no_new_ones() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    let asking = tokio::spawn(async move { get(port, "/long").await });
    until(async || app.hits() == 1).await;
    edge.begin_stop();
    until(async || TcpStream::connect(("127.0.0.1", port)).await.is_err()).await;
    assert!(asking.await.unwrap().ends_with("ok"));
    edge.stopped().await;
}
