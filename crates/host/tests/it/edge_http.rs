//! HTTP/1.1 as clients see it: heads, bodies, limits.

use std::time::Duration;

use shipway_host::edge::Limits;
use tokio::io::AsyncWriteExt;

use crate::edge_kit::*;

struct Served {
    edge: Edge,
    app: App,
    port: u16,
}

async fn serve(limits: Limits) -> Served {
    let (edge, app, port) = (Edge::start_with(limits).await, App::start("1").await, free_port());
    edge.client.set_route(&route(port, vec![target("1", 1, &[&app])])).await.unwrap();
    Served { edge, app, port }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_sees_who_asks_and_no_header_of_the_hop() {
    let served = serve(Limits::default()).await;
    let request = "GET /headers HTTP/1.1\r\nHost: shop.example\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n\
                   TE: trailers\r\nX-Forwarded-For: 1.2.3.4\r\nAccept: a\r\n\r\n";
    let answer = raw(served.port, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("keep-alive"), "{head}");
    assert_eq!(
        body,
        "accept: a\nhost: shop.example\nx-forwarded-for: 1.2.3.4, 127.0.0.1\nx-forwarded-host: shop.example\n\
         x-forwarded-proto: http\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_ambiguous_requests_do_not_reach_the_process() {
    let served = serve(Limits::default()).await;
    let cases = [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400"),
        ("GET /\u{1}\r\nHost: a\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n", "405"),
    ];
    for (request, status) in cases {
        let answer = raw(served.port, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer:?}");
    }
    assert_eq!(served.app.hits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_beside_chunks_does_not_smuggle() {
    let served = serve(Limits::default()).await;
    let request = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\
                   Connection: close\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = raw(served.port, request).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(served.app.hits() <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_of_more_than_64_kib_is_refused_and_one_below_passes() {
    let served = serve(Limits::default()).await;
    let ask = async |len: usize| {
        let filler = "x".repeat(len);
        raw(served.port, &format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: {filler}\r\n\r\n"))
            .await
    };
    let below = ask(60 * 1024).await;
    assert!(below.starts_with("HTTP/1.1 200 "), "{below}");
    let above = ask(66 * 1024).await;
    assert!(above.starts_with("HTTP/1.1 431 "), "{above}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_head_is_cut_off_and_an_idle_connection_later() {
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(1_000),
        ..Limits::default()
    };
    let served = serve(limits).await;
    let start = std::time::Instant::now();
    let mut stream = send_raw(served.port, "GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert_eq!(read_all(&mut stream).await, "");
    let head = start.elapsed();
    assert!(head >= Duration::from_millis(200), "{head:?}");
    let start = std::time::Instant::now();
    let mut stream = send_raw(served.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(read_all(&mut stream).await.ends_with("ok"));
    let idle = start.elapsed();
    assert!(idle >= Duration::from_millis(1_000), "{idle:?}");
    // A request that takes longer than both is not cut off.
    let limits = Limits {
        idle_timeout: Duration::from_millis(100),
        head_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = serve(limits).await;
    assert!(get(served.port, "/long").await.ends_with("ok"));
    served.edge.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_has_the_length_and_no_body() {
    let served = serve(Limits::default()).await;
    let mut stream = send_raw(served.port, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("content-length: 2\r\n"), "{head}");
    // The next answer comes right after: there was no body.
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let served = serve(Limits::default()).await;
    let request = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    let mut stream = send_raw(served.port, request).await;
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with("\r\n\r\n5"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_and_http_1_0_pass() {
    let served = serve(Limits::default()).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = raw(served.port, chunked).await;
    assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
    assert!(answer.contains("abc") && answer.contains("de") && answer.ends_with("0\r\n\r\n"), "{answer}");
    let old = raw(served.port, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 OK") && old.ends_with("ok"), "{old}");
    let options = raw(served.port, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(options.starts_with("HTTP/1.1 200 OK"), "{options}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let served = serve(Limits { connections_max: 1, ..Limits::default() }).await;
    let first = send_raw(served.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until(async || served.app.hits() == 1).await;
    let second = tokio::spawn(get(served.port, "/"));
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().ends_with("ok"));
}
