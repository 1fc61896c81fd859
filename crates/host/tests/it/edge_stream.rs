//! Bodies and tunnels on their way through: large, slow, in both directions, in bounded memory.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::edge_kit::*;

const PART: usize = 64 * 1024;
const PARTS: usize = 1024;

async fn served() -> (Edge, App, u16) {
    let (edge, app, port) = (Edge::start().await, App::start("1").await, free_port());
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    (edge, app, port)
}

/// The largest memory this process has ever had.
fn memory_peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_64_mib_there_and_back_needs_little_memory() {
    let (_edge, _app, port) = served().await;
    get(port, "/").await;
    let before = memory_peak_kib();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let parts =
        (0..PARTS).map(|part| Ok::<_, hyper::Error>(Frame::data(Bytes::from(vec![part as u8; PART]))));
    let body = StreamBody::new(futures_util::stream::iter(parts));
    let request = Request::post("/echo").header("host", "a").body(body).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        for byte in frame.unwrap().data_ref().unwrap() {
            assert_eq!(*byte, (len / PART) as u8);
            len += 1;
        }
    }
    assert_eq!(len, PART * PARTS);
    let grown = memory_peak_kib() - before;
    assert!(grown < 24 * 1024, "{grown} KiB more than before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_end_of_the_body_arrives() {
    let (edge, _app, port) = served().await;
    for _ in 0..20 {
        let head = format!("POST /reject HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", PART * PARTS);
        let mut stream = send_raw(port, &head).await;
        // The client sends a part and listens.
        tokio::io::AsyncWriteExt::write_all(&mut stream, &vec![1; 4 * PART]).await.unwrap();
        let answer = read_until(&mut stream, "too large").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    edge.drained("1").await;
    let counts = &edge.client.traffic(&web()).await.unwrap().releases["1"];
    assert_eq!((counts.requests, counts.failures), (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_process_and_gets_all() {
    let (edge, _app, port) = served().await;
    let mut stream = send_raw(port, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let mut first = [0; 1024];
    stream.read_exact(&mut first).await.unwrap();
    let before = memory_peak_kib();
    // Another client is served meanwhile, and what is not read is not taken from the process.
    for _ in 0..20 {
        assert!(get(port, "/").await.ends_with("ok"));
    }
    assert_eq!(edge.in_flight("1").await, 1);
    assert!(memory_peak_kib() - before < 24 * 1024);
    let mut rest = 0;
    let mut part = vec![0; PART];
    loop {
        match stream.read(&mut part).await.unwrap() {
            0 => break,
            len => rest += part[..len].iter().filter(|byte| **byte == 7).count(),
        }
    }
    let first = first.iter().filter(|byte| **byte == 7).count();
    assert_eq!(first + rest, PART * PARTS);
    edge.drained("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_carries_both_ways_and_is_in_flight_until_it_ends() {
    let (edge, _app, port) = served().await;
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let url = format!("ws://127.0.0.1:{port}/ws");
    let (mut socket, response) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert_eq!(response.status().as_u16(), 101);
    let long = "x".repeat(1_000_000);
    for text in ["a", "b", &long] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    assert_eq!(edge.in_flight("1").await, 1);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    edge.drained("1").await;
    assert_eq!(edge.client.traffic(&web()).await.unwrap().releases["1"].requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_ends_when_its_process_does() {
    let (edge, app, port) = served().await;
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/ws"), stream).await.unwrap();
    socket.send(Message::text("a")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    edge.client.remove_route(&web()).await.unwrap();
    socket.send(Message::text("b")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("b"));
    drop(app);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    drop(socket);
    edge.drained("1").await;
}
