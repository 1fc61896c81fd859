//! The watch over the edge's process: it comes back when it dies, and outlives who watches.

use std::time::Duration;

use shipway_host::edge::{self, Client, Config, WatchConfig};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixListener,
};
use tokio_util::sync::CancellationToken;

use crate::edge_kit::*;

/// Not a test of its own: the edge's process, when it is started as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edge_process() {
    if let Some(dir) = std::env::var_os("SHIPWAY_TEST_EDGE_DIR") {
        edge::run(Config::new(dir)).await.unwrap();
    }
}

/// Starts this test binary as an edge.
fn config(dir: &std::path::Path) -> WatchConfig {
    let script = r#"SHIPWAY_TEST_EDGE_DIR="$1" exec "$0" --exact edge_watch::edge_process --nocapture"#;
    let exe = std::env::current_exe().unwrap();
    let mut config = WatchConfig::new("/bin/sh", dir);
    config.args = vec!["-c".into(), script.into(), exe.into(), dir.into()];
    config
}

/// Ends the edge of a directory, also when its test fails.
struct Cleanup<'a>(&'a std::path::Path);

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        let lock = std::fs::read_to_string(self.0.join("edge/lock")).unwrap_or_default();
        if let Some(pid) = lock.trim().parse().ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_dies_is_started_again_and_one_that_lives_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let _cleanup = Cleanup(dir.path());
    let client = Client::new(&edge::socket_path(dir.path()));
    let app = App::start("1").await;
    let port = free_port();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(edge::watch(config(dir.path()), stop.clone()));
    client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    let first = client.snapshot().await.unwrap().pid;
    assert!(get(port, "/").await.ends_with("ok"));

    signal(first, rustix::process::Signal::KILL);
    until(async || client.snapshot().await.is_ok_and(|edge| edge.pid != first)).await;
    assert!(get(port, "/").await.ends_with("ok"), "it serves its last table");
    let second = client.snapshot().await.unwrap().pid;

    // Who watches goes, and another one comes: the edge stays.
    stop.cancel();
    watching.await.unwrap();
    assert!(get(port, "/").await.ends_with("ok"));
    let stop = CancellationToken::new();
    let watching = tokio::spawn(edge::watch(config(dir.path()), stop.clone()));
    tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(client.snapshot().await.unwrap().pid, second);
    stop.cancel();
    watching.await.unwrap();

    signal(second, rustix::process::Signal::TERM);
    until(async || client.snapshot().await.is_err()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_of_another_version_is_told_to_stop_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let _cleanup = Cleanup(dir.path());
    let socket = edge::socket_path(dir.path());
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let foreign = UnixListener::bind(&socket).unwrap();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(edge::watch(config(dir.path()), stop.clone()));
    let (stream, _) = foreign.accept().await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    assert!(lines.next_line().await.unwrap().unwrap().contains("hello"));
    writer.write_all(b"{\"v\":99,\"news\":[]}\n").await.unwrap();
    assert!(lines.next_line().await.unwrap().unwrap().contains("stop"));
    drop((lines, writer, foreign));
    let client = Client::new(&socket);
    assert!(client.routes().await.unwrap().is_empty());
    stop.cancel();
    watching.await.unwrap();
    // A client may ask it to stop as well; the socket is the same.
    signal(client.snapshot().await.unwrap().pid, rustix::process::Signal::TERM);
    until(async || client.snapshot().await.is_err()).await;
}
