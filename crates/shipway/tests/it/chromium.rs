//! Drives a real headless Chromium over its DevTools protocol: just what the page tests need.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

const PROGRAM: &str = "/usr/bin/chromium";
const DEADLINE: Duration = Duration::from_secs(30);
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];

/// One browser with one page.
pub struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    next_id: u64,
    _child: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts Chromium; `None`, said in the output, where there is none.
    pub async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            println!("skipped: {PROGRAM} is not installed");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let find_url = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, url)) = line.split_once("DevTools listening on ") {
                    return url.to_owned();
                }
            }
            panic!("chromium ended before it listened");
        };
        let url = tokio::time::timeout(DEADLINE, find_url).await.unwrap();
        // WHY: Chromium stops when nobody reads what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut browser =
            Self { socket, session: String::new(), next_id: 0, _child: child, _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser.call("Page.enable", json!({})).await;
        Some(browser)
    }

    /// Calls one method of the protocol and gives its result.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    async fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        let answer = async {
            loop {
                let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
                let answer: Value = serde_json::from_str(&text).unwrap();
                if answer["id"] == id {
                    return answer;
                }
            }
        };
        tokio::time::timeout(DEADLINE, answer).await.unwrap()
    }

    /// Opens a page and waits until its document is there.
    pub async fn open(&mut self, url: &str) {
        let result = self.call("Page.navigate", json!({"url": url})).await;
        assert!(result["errorText"].is_null(), "{url}: {}", result["errorText"]);
        self.wait_for(&format!("location.href === {} && document.readyState !== 'loading'", json!(url)))
            .await;
    }

    /// Value of a JavaScript expression in the page.
    pub async fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.eval(expression).await != json!(true) {
            assert!(Instant::now() < deadline, "never true: {expression}");
            tokio::task::yield_now().await;
        }
    }

    /// Does what leads to another page, and waits until an expression is true there.
    pub async fn go(&mut self, action: &str, arrived: &str) {
        self.eval(action).await;
        let deadline = Instant::now() + DEADLINE;
        let expression = format!("document.readyState === 'complete' && ({arrived})");
        let params = json!({"expression": expression, "returnByValue": true});
        // WHY: between two pages there is nothing to evaluate in, which is no error here.
        while self.answer("Runtime.evaluate", params.clone()).await["result"]["result"]["value"]
            != json!(true)
        {
            assert!(Instant::now() < deadline, "never true: {arrived}");
            tokio::task::yield_now().await;
        }
    }

    /// Switches the page's scripts off or on; `Runtime.evaluate` goes on working.
    pub async fn set_scripts(&mut self, are_on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": !are_on})).await;
    }

    /// Makes the window so wide, as a phone or a desk would.
    pub async fn set_width(&mut self, width: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
    }
}
