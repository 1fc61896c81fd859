//! What an edge is told, what it refuses, and what it remembers.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use shipway_control::host::{HostError, Route};
use shipway_host::edge::{self, Client, Config, EdgeError, Limits};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UnixStream},
};
use tokio_util::sync::CancellationToken;

use crate::edge_kit::*;

fn bad_release(result: Result<(), HostError>) -> (String, String) {
    match result.unwrap_err() {
        HostError::BadRelease { field, reason } => (field, reason),
        other => panic!("{other}"),
    }
}

async fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_refused_and_nothing_changes() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let (port, taken) = (free_port(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let before = route(port, vec![target("1", 1, &[&app])]);
    edge.client.set_route(&before).await.unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let (field, reason) =
        bad_release(edge.client.set_route(&Route { port: taken_port, ..before.clone() }).await);
    assert_eq!(field, "services.web.port");
    assert_eq!(
        reason,
        format!(
            "port {taken_port} is in use by another program; stop it (`ss -ltnp sport = :{taken_port}` names it) or \
             choose another port"
        )
    );
    assert_eq!(edge.client.route(&web()).await.unwrap(), Some(before.clone()));
    let other = Route { service: named("api"), ..before.clone() };
    let (field, reason) = bad_release(edge.client.set_route(&other).await);
    assert_eq!(field, "services.api.port");
    assert_eq!(reason, format!("port {port} already serves `acme/shop/test/web`; choose another port"));
    assert!(get(port, "/").await.ends_with("ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_routes_are_refused_by_field() {
    let edge = Edge::start().await;
    let good = route(free_port(), vec![target_at("1", 1, vec![1])]);
    let cases = [
        (Route { port: 0, ..good.clone() }, "services.web.port"),
        (Route { listen: "localhost".into(), ..good.clone() }, "services.web.listen"),
        (Route { listen: "192.0.2.1".into(), ..good.clone() }, "services.web.listen"),
        (Route { targets: vec![target_at("1", 1, vec![0])], ..good.clone() }, "services.web.port"),
        (Route { targets: vec![target_at("1", 1, vec![5, 5])], ..good.clone() }, "services.web.port"),
        (
            Route { targets: vec![target_at("1", 1, vec![5]), target_at("1", 1, vec![6])], ..good },
            "services.web.port",
        ),
    ];
    for (route, expected) in cases {
        let (field, reason) = bad_release(edge.client.set_route(&route).await);
        assert_eq!(field, expected, "{reason}");
    }
    assert!(edge.client.routes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_moves_to_another_port_and_address_and_goes() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let (one, two) = (free_port(), free_port());
    let first = route(one, vec![target("1", 1, &[&app])]);
    edge.client.set_route(&first).await.unwrap();
    let asking = tokio::spawn(get(one, "/long"));
    until(async || app.hits() == 1).await;
    edge.client.set_route(&Route { port: two, ..first.clone() }).await.unwrap();
    assert!(get(two, "/").await.ends_with("ok"));
    assert!(!answers(one).await);
    assert!(asking.await.unwrap().ends_with("ok"));
    edge.client.set_route(&Route { port: two, listen: "0.0.0.0".into(), ..first.clone() }).await.unwrap();
    assert!(get(two, "/").await.ends_with("ok"));
    let elsewhere = Route { port: two, listen: "192.0.2.1".into(), ..first };
    bad_release(edge.client.set_route(&elsewhere).await);
    assert!(get(two, "/").await.ends_with("ok"), "the former address is served again");
    edge.client.remove_route(&web()).await.unwrap();
    edge.client.remove_route(&web()).await.unwrap();
    assert!(!answers(two).await);
    assert_eq!(edge.client.route(&web()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_starts_again_serves_its_last_table() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    let routed = route(port, vec![target("1", 1, &[&app])]);
    edge.client.set_route(&routed).await.unwrap();
    get(port, "/").await;
    let before = edge.client.traffic(&web()).await.unwrap();
    let dir = Arc::clone(&edge.dir);
    edge.stopped().await;
    assert!(!answers(port).await);
    let edge = Edge::start_in(dir, Limits::default()).await;
    assert!(get(port, "/").await.ends_with("ok"));
    assert_eq!(edge.client.route(&web()).await.unwrap(), Some(routed));
    let after = edge.client.traffic(&web()).await.unwrap();
    assert!(after.epoch > before.epoch);
    assert_eq!(after.releases["1"].requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_at_the_start_is_served_when_it_is_free() {
    let edge = Edge::start().await;
    let app = App::start("1").await;
    let port = free_port();
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    let dir = Arc::clone(&edge.dir);
    edge.stopped().await;
    let taken = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let edge = Edge::start_in(dir, Limits::default()).await;
    assert!(!edge.client.snapshot().await.unwrap().routes[0].is_listening);
    drop(taken);
    until(async || edge.client.snapshot().await.unwrap().routes[0].is_listening).await;
    assert!(get(port, "/").await.ends_with("ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_messages_are_answered_and_hurt_nobody() {
    let edge = Edge::start().await;
    let socket = edge::socket_path(edge.path());
    let (reader, mut writer) = UnixStream::connect(&socket).await.unwrap().into_split();
    let mut replies = BufReader::new(reader).lines();
    let cases = [
        ("nonsense", "not a request"),
        ("{}", "not a request"),
        (r#"{"v":1,"id":7,"call":"dance"}"#, r#""id":7"#),
        (r#"{"v":2,"id":8,"call":"routes"}"#, "speaks version 1 of its protocol, not 2"),
        (r#"{"v":1,"id":9,"call":{"set_route":{"port":"x"}}}"#, "not understood"),
        ("\u{0}\u{1}", "not a request"),
    ];
    for (message, expected) in cases {
        writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        let reply = replies.next_line().await.unwrap().unwrap();
        assert!(reply.contains("error") && reply.contains(expected), "{message}: {reply}");
    }
    // A line without end is cut off.
    let (_reader, mut writer) = UnixStream::connect(&socket).await.unwrap().into_split();
    let part = vec![b'x'; 1024 * 1024];
    while writer.write_all(&part).await.is_ok() {}
    assert!(edge.client.routes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_is_for_its_owner_and_the_edge_is_alone() {
    let edge = Edge::start().await;
    let mode = std::fs::metadata(edge::socket_path(edge.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = edge::serve(Config::new(edge.path()), CancellationToken::new()).await;
    assert!(matches!(second, Err(EdgeError::Taken(_))), "{second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_may_lie_deep() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(90)).join("e".repeat(90));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(edge::serve(Config::new(&deep), stop.clone()));
    let client = Client::new(&edge::socket_path(&deep));
    assert!(client.routes().await.unwrap().is_empty());
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_edge_the_error_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let error = Client::new(&edge::socket_path(dir.path())).snapshot().await.unwrap_err();
    assert!(matches!(error, HostError::Edge(_)));
    assert!(error.to_string().contains("`shipway serve` starts it"), "{error}");
}
