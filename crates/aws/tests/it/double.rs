//! A server in this process that answers by a function of the request, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use shipway_engine::Task;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The action of a JSON protocol, or method and path.
    pub fn action(&self) -> String {
        let target = self.header("x-amz-target").and_then(|target| target.rsplit_once('.'));
        target.map_or_else(|| format!("{} {}", self.method, self.path), |(_, action)| action.to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What is answered: a status, headers and a body.
pub type Answer = (u16, &'static str, String);

pub fn ok(body: &Value) -> Answer {
    (200, "Content-Type: application/json", body.to_string())
}

pub struct Double {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Double {
    pub async fn start(answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, seen.clone(), answer));
        Self { url, seen }
    }

    /// Gives these answers, one after the other.
    pub async fn of(answers: Vec<Answer>) -> Self {
        let mut answers = answers.into_iter();
        Self::start(move |request| answers.next().unwrap_or_else(|| panic!("not expected: {request:?}")))
            .await
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn actions(&self) -> Vec<String> {
        self.requests().iter().map(Request::action).collect()
    }
}

async fn serve(
    listener: TcpListener,
    seen: Arc<Mutex<Vec<Request>>>,
    mut answer: impl FnMut(&Request) -> Answer + Send + 'static,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Some(request) = read(&mut stream).await else { continue };
        seen.lock().unwrap().push(request.clone());
        let (status, headers, body) = answer(&request);
        let reason = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap_or("X");
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nConnection: close\r\n{headers}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes()).await;
    }
}

/// A whole request.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let request = Request { method, path, headers, body: body.to_owned() };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Some(request);
        }
    }
}

/// A task as the engine hands it over.
pub fn task(resource: &str, parameters: Value) -> Task {
    Task {
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:m:e".to_owned(),
        state: "S".to_owned(),
        resource: format!("arn:aws:states:::{resource}"),
        parameters,
        key: "arn:aws:states:us-east-1:123456789012:execution:m:e/S/3".to_owned(),
        attempt: 0,
        dispatch: 1,
        role_arn: "arn:aws:iam::123456789012:role/machine".to_owned(),
        credentials: None,
        cancel: CancellationToken::new(),
        stop: CancellationToken::new(),
        trace: None,
    }
}
