//! A real server, and calls of its Step Functions API over plain sockets.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::rig::{Running, World};

/// How long a well-behaved client waits at most, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server and its port.
pub struct Server {
    pub port: u16,
    running: Running,
    world: World,
}

impl Server {
    /// A server.
    pub fn new() -> Self {
        Self::with_files(4_096)
    }

    /// A server that may open so many files.
    pub fn with_files(files: usize) -> Self {
        Self::serve(World::new(), files)
    }

    fn serve(world: World, files: usize) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--no-auth", "--region", "us-east-1"];
        let mut running = world.start_after(&format!("ulimit -n {files}"), &serve);
        running.hear("serving");
        let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        let url = record["url"].as_str().unwrap().trim_end_matches('/');
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        Self { port, running, world }
    }

    /// Kills the server where it stands, and starts another one over what it has left.
    pub fn kill_and_start(self) -> Self {
        self.running.signal(Signal::KILL);
        self.running.end();
        Self::serve(self.world, 4_096)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Calls an action on a connection of its own; status line and body.
    pub fn call(&self, action: &str, body: &str) -> (String, String) {
        let mut stream = self.connect();
        write!(stream, "{}{body}", head(action, body.len())).unwrap();
        answer(&mut stream)
    }

    /// Calls an action that must succeed.
    #[track_caller]
    pub fn good(&self, action: &str, request: &Value) -> Value {
        let (status, body) = self.call(action, &request.to_string());
        assert!(status.contains("200"), "{action} {request}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Calls an action: what it gave, or the code of its refusal.
    pub fn tries(&self, action: &str, request: &Value) -> Result<Value, String> {
        let (status, body) = self.call(action, &request.to_string());
        let body: Value = serde_json::from_str(&body).unwrap();
        match status.contains("200") {
            true => Ok(body),
            false => Err(body["__type"].as_str().unwrap().to_owned()),
        }
    }

    /// A well-behaved client gets its answer.
    #[track_caller]
    pub fn serves(&self) {
        let (status, body) = self.call("ListStateMachines", "{}");
        assert!(status.contains("200") && body.contains("stateMachines"), "{status} {body}");
    }

    pub fn stop(self) {
        self.running.signal(Signal::TERM);
        self.running.end().ends(0);
    }
}

pub fn head(action: &str, length: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.{action}\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// One answer: its status line and body.
pub fn answer(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return (head.lines().next().unwrap_or_default().to_owned(), body.to_owned());
            }
        }
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the connection was closed after: {text}");
        bytes.extend_from_slice(&buffer[..count]);
    }
}
