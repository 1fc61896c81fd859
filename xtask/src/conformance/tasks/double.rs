//! One address that stands for all services: gives the answer that it was told to give, and keeps the request.
//! Knows HTTP and nothing of AWS.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// Bytes of a request's body that are read at most.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Lines of a request's head that are read at most.
const HEAD_LINES_MAX: usize = 200;

/// What the double answers.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Path and query, as they were written.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    next: Option<Reply>,
    asked: Option<Asked>,
}

/// Listens until the process ends.
pub struct Double {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Double {
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let url = format!("http://{}", listener.local_addr().context("has no address")?);
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                thread::spawn(move || serve(stream, &state));
            }
        });
        Ok(Self { url, state })
    }

    /// What the next request is answered with.
    pub fn expect(&self, reply: Reply) {
        *lock(&self.state) = State { next: Some(reply), asked: None };
    }

    /// The request, if there was one.
    pub fn asked(&self) -> Option<Asked> {
        lock(&self.state).asked.take()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers requests of one connection until it is closed or cannot be read.
fn serve(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let asked = read(&mut reader)?;
        let reply = {
            let mut state = lock(state);
            state.asked = Some(asked);
            state.next.take()
        };
        let reply = reply.unwrap_or(Reply { status: 599, ..Reply::default() });
        writer.write_all(&written(&reply)).ok()?;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    let mut next = |reader: &mut dyn BufRead| -> Option<String> {
        line.clear();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let target = next(reader)?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    for _ in 0..HEAD_LINES_MAX {
        let header = next(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { target, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; Some(length).filter(|length| *length <= BODY_BYTES_MAX)?];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn written(reply: &Reply) -> Vec<u8> {
    let headers = reply.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {} Recorded\r\nContent-Length: {}\r\n{headers}\r\n",
        reply.status,
        reply.body.len()
    );
    [head.into_bytes(), reply.body.clone()].concat()
}
