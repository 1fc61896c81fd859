//! The server over real sockets: its address, its limits, its end.

use std::{net::SocketAddr, time::Duration};

use shipway_server::{Config, Error, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{EVENTS_AT_FIRST, Fixture, RUNNING};

const PATIENCE: Duration = Duration::from_secs(20);

fn config(listen: SocketAddr, token: &str) -> Config {
    Config { listen, token: token.to_owned(), allowed_hosts: Vec::new(), states: Default::default() }
}

async fn connect(address: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, needle: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(needle) {
        let count = timeout(PATIENCE, stream.read(&mut buffer)).await.expect(needle).unwrap();
        assert_ne!(count, 0, "ended before {needle}: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

#[tokio::test]
async fn events_come_as_they_happen_and_the_server_stops_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let app = Fixture::new(directory.path());
    let stop = CancellationToken::new();
    let (address, done) =
        serve(config(([127, 0, 0, 1], 0).into(), "t"), app.clone(), stop.clone()).await.unwrap();
    assert_ne!(address.port(), 0);
    let server = tokio::spawn(done);

    let path = format!("/v1/deployments/{RUNNING}/events?after={EVENTS_AT_FIRST}");
    let mut events = connect(address, &format!("GET {path} HTTP/1.1\r\nAccept: text/event-stream")).await;
    read_until(&mut events, ": history").await;
    app.advance(1);
    read_until(&mut events, &format!("id: {}", EVENTS_AT_FIRST + 1)).await;

    let mut idle = connect(address, "GET /v1/health HTTP/1.1").await;
    read_until(&mut idle, "is_store_ok").await;
    stop.cancel();
    timeout(PATIENCE, server).await.expect("neither the stream nor the idle connection holds it up").unwrap();
    let mut rest = String::new();
    timeout(PATIENCE, events.read_to_string(&mut rest)).await.unwrap().unwrap();
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let app = Fixture::new(directory.path());
    let (address, done) = serve(config(([127, 0, 0, 1], 0).into(), "t"), app, stop.clone()).await.unwrap();
    let server = tokio::spawn(done);
    let mut stream = connect(address, &format!("GET / HTTP/1.1{}", "\r\nX-More: x".repeat(150))).await;
    let answer = read_until(&mut stream, "\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    stop.cancel();
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_served_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let app = Fixture::new(directory.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(config(address, "t"), app.clone(), CancellationToken::new()).await.err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on `{address}`"));
    let error = serve(config(address, ""), app, CancellationToken::new()).await.err().unwrap();
    assert!(matches!(error, Error::NoToken));
}
