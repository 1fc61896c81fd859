//! Clients that mean harm, or do it: whatever they send or do not send, others get their answers.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sfn::{Server, answer, head};

/// Connections that do nothing.
const IDLE: usize = 10_000;

/// As many files as this process may open; whether that is enough for so many connections.
fn can_open(connections: usize) -> bool {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    limit.maximum.is_none_or(|most| most > connections as u64 + 500)
}

#[test]
fn ten_thousand_connections_that_do_nothing_keep_nobody_waiting() {
    if !can_open(IDLE) {
        println!("skipped: this process may not open {IDLE} connections");
        return;
    }
    let server = Server::with_files(20_000);
    let partly = ["", "P", "POST / HTTP/1.1\r\nHost: localhost\r\n", &head("ListStateMachines", 10)];
    let mut idle = Vec::with_capacity(IDLE);
    for count in 0..IDLE {
        let mut stream = server.connect();
        stream.write_all(partly[count % partly.len()].as_bytes()).unwrap();
        idle.push(stream);
        if count % 500 == 0 {
            server.serves();
        }
    }
    for _ in 0..20 {
        server.serves();
    }
    assert_eq!(idle.len(), IDLE);
    server.stop();
}

#[test]
fn connections_that_do_nothing_make_room_where_files_are_short() {
    assert!(can_open(2_000));
    for files in [140, 400] {
        let server = Server::with_files(files);
        let mut idle = Vec::new();
        for count in 0..1_000 {
            let stream = TcpStream::connect(("127.0.0.1", server.port));
            idle.push(stream.unwrap());
            if count % 100 == 99 {
                server.serves();
            }
        }
        server.stop();
    }
}

#[test]
fn many_long_polls_keep_nobody_waiting_and_too_many_are_told_to_come_again() {
    assert!(can_open(2_000));
    let server = Server::with_files(600);
    let (_, made) = server.call("CreateActivity", r#"{"name": "work"}"#);
    let arn = serde_json::from_str::<serde_json::Value>(&made).unwrap()["activityArn"].clone();
    let body = serde_json::json!({"activityArn": arn}).to_string();
    let mut polls: Vec<TcpStream> = (0..250)
        .map(|_| {
            let mut stream = server.connect();
            write!(stream, "{}{body}", head("GetActivityTask", body.len())).unwrap();
            stream
        })
        .collect();
    // WHY: which of them come too late is chance.
    let mut refused = None;
    while refused.is_none() {
        refused = polls.iter_mut().find(|poll| {
            poll.set_nonblocking(true).unwrap();
            let is_answered = poll.peek(&mut [0]).is_ok();
            poll.set_nonblocking(false).unwrap();
            is_answered
        });
    }
    let (status, told) = answer(refused.unwrap());
    assert!(status.contains("400") && told.contains("ThrottlingException"), "{status} {told}");
    server.serves();
    drop(polls);
    server.stop();
}

#[test]
fn who_never_reads_harms_nobody() {
    let server = Server::with_files(1_000);
    let request = head("ListStateMachines", 2) + "{}";
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect();
        stream.set_nonblocking(true).unwrap();
        let mut written = 0;
        // WHY: as much as goes in; the server stops reading once its answers are not taken.
        while written < 64 << 20 {
            match stream.write(request.as_bytes()) {
                Ok(count) => written += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        deaf.push(stream);
        server.serves();
    }
    server.stop();
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let server = Server::with_files(1_000);
    let mut stream = server.connect();
    let mut all = String::new();
    for number in 0..50 {
        let body = format!(r#"{{"name": "a{number}"}}"#);
        all += &(head("CreateActivity", body.len()) + &body);
    }
    stream.write_all(all.as_bytes()).unwrap();
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while !told.contains(":activity:a49\"") {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the connection was closed after: {told}");
        told += &String::from_utf8_lossy(&buffer[..count]);
    }
    let places: Vec<_> =
        (0..50).map(|number| told.find(&format!(":activity:a{number}\"")).unwrap()).collect();
    assert!(places.is_sorted());
    server.stop();
}

#[test]
fn a_body_that_is_too_large_is_refused_with_a_reason() {
    let server = Server::with_files(1_000);
    for excess in [1, 1 << 20, 6 << 20] {
        let length = (1 << 20) + excess;
        let chunked = head("ListStateMachines", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked")
            + &format!("{length:x}\r\n");
        for head in [head("ListStateMachines", length), chunked] {
            let mut stream = server.connect();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&vec![b' '; length]).unwrap();
            stream.write_all(b"\r\n0\r\n\r\n").unwrap();
            let (status, body) = answer(&mut stream);
            assert!(
                status.contains("413") && body.contains("RequestEntityTooLargeException"),
                "{status} {body}"
            );
        }
        server.serves();
    }
    let mut stream = server.connect();
    let head =
        head("ListStateMachines", 1 << 40).replace("Content-Type", "Expect: 100-continue\r\nContent-Type");
    stream.write_all(head.as_bytes()).unwrap();
    assert!(answer(&mut stream).0.contains("413"), "before any of it was sent");
    server.stop();
}

#[test]
fn who_asks_first_whether_to_send_is_told_to_go_on() {
    let server = Server::with_files(1_000);
    let mut stream = server.connect();
    let head = head("ListStateMachines", 2).replace("Content-Type", "Expect: 100-continue\r\nContent-Type");
    stream.write_all(head.as_bytes()).unwrap();
    assert!(answer(&mut stream).0.contains("100"));
    stream.write_all(b"{}").unwrap();
    assert!(answer(&mut stream).0.contains("200"));
    server.stop();
}

#[test]
fn bytes_that_are_no_request_are_refused_or_dropped_and_others_served() {
    let server = Server::with_files(1_000);
    let call = |more: &str| head("ListStateMachines", 2).replace("Content-Length: 2", more);
    let hostile: Vec<Vec<u8>> = vec![
        (0..=255).collect(),
        vec![0; 100_000],
        // A TLS hello.
        vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x00, 0x00],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        b"GET /\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost\x00: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\nHost: localhost\nX: \x7f\n\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: x\r\n".repeat(10_000)).into_bytes(),
        call("Content-Length: -1").into_bytes(),
        call("Content-Length: 18446744073709551616").into_bytes(),
        call("Content-Length: 2\r\nContent-Length: 3").into_bytes(),
        (call("Content-Length: 2\r\nTransfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n").into_bytes(),
        (call("Transfer-Encoding: gzip, chunked, identity") + "{}").into_bytes(),
        (call("Transfer-Encoding: chunked") + "ffffffffffffffffffff\r\n{}").into_bytes(),
        (call("Transfer-Encoding: chunked") + "-1\r\n{}").into_bytes(),
        (call("Transfer-Encoding: chunked") + "2;x=\"" + &"y".repeat(100_000)).into_bytes(),
        (call("Transfer-Encoding: chunked") + "2\r\n{}GET /evil HTTP/1.1\r\n\r\n").into_bytes(),
        (call("Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\nTrailer: " + &"x".repeat(100_000))
            .into_bytes(),
        (call("Content-Length: 2\r\nExpect: the-worst") + "{}").into_bytes(),
        b"CONNECT example.invalid:443 HTTP/1.1\r\nHost: example.invalid\r\n\r\n".to_vec(),
        b"GET http://example.invalid/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n".to_vec(),
    ];
    for bytes in hostile {
        let mut stream = server.connect();
        // WHY: a server that refuses early may have closed before all is sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut told = Vec::new();
        let read = stream.read_to_end(&mut told);
        let started = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        if let Err(error) = read {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{started:?}: {error}");
        }
        let told = String::from_utf8_lossy(&told);
        assert!(!told.starts_with("HTTP/1.1 5"), "{started:?}: {told}");
        server.serves();
    }
    server.stop();
}
