//! Probes of processes that answer, answer badly, or do not answer.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn process(state: ProcessState, port: Option<u16>) -> Process {
    let last_exit = Some("exit status 1".to_owned());
    Process { index: 3, pid: None, port, state, crashes: 2, started_at: None, last_exit }
}

async fn probed(process: Process, path: Option<&str>) -> Probe {
    let health =
        HealthCheck { path: path.map(str::to_owned), timeout: Millis(300), ..HealthCheck::default() };
    probe("web", &[process], &health).await.unwrap().remove(0)
}

/// Answers one request with these bytes and closes; without bytes never answers.
async fn server(answer: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        }
    });
    port
}

async fn check(answer: Option<&'static str>, path: Option<&str>, expected: (bool, &str)) {
    let port = server(answer).await;
    let probe = probed(process(ProcessState::Running, Some(port)), path).await;
    assert_eq!(probe.index, 3);
    assert_eq!(probe.is_healthy, expected.0, "{}", probe.evidence);
    assert!(probe.evidence.starts_with(expected.1), "{}", probe.evidence);
}

#[tokio::test]
async fn an_answer_is_judged_by_its_status() {
    let path = Some("/health?x=1");
    check(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), path, (true, "200 in ")).await;
    check(Some("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"), path, (true, "302 in ")).await;
    check(Some("HTTP/1.0 200 OK\r\n\r\nbody"), path, (true, "200 in ")).await;
    check(Some("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"), path, (false, "404 in ")).await;
    check(Some("HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n"), path, (false, "500 in ")).await;
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    check(None, Some("/"), (false, "no answer within 300ms")).await;
    check(Some(""), Some("/"), (false, "connection closed without an answer")).await;
    check(Some("SSH-2.0-x\r\n\r\n"), Some("/"), (false, "an answer that is not HTTP")).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for path in [Some("/"), None] {
        let probe = probed(process(ProcessState::Running, Some(port)), path).await;
        assert_eq!((probe.is_healthy, probe.evidence.as_str()), (false, "connection refused"));
    }
}

#[tokio::test]
async fn without_a_path_a_connection_is_enough_and_without_a_port_being_alive() {
    check(None, None, (true, "connected in ")).await;
    assert!(probed(process(ProcessState::Running, None), None).await.is_healthy);
    let probe = probed(process(ProcessState::BackOff, Some(1)), Some("/")).await;
    assert_eq!((probe.is_healthy, probe.evidence.as_str()), (false, "not running: exit status 1, 2 crashes"));
}

#[test]
fn a_path_that_is_none_is_refused_by_its_field() {
    for path in ["health", "", "/a b"] {
        let health = HealthCheck { path: Some(path.to_owned()), ..HealthCheck::default() };
        let refused = vet_path("web", &health).unwrap_err().to_string();
        assert!(refused.starts_with("`services.web.health.path`: "), "{refused}");
    }
}
