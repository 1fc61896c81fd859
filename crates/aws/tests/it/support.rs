//! What the tests of the client share: a client with fixed keys and a clock of its own, an observer that remembers,
//! and `moto_server` for as long as a test runs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use shipway_asl::Timestamp;
use shipway_aws::client::{CallRecord, Client, Config, Fixed, Observer};
use shipway_engine::clock::{Clock, SystemClock};

/// Remembers every call.
#[derive(Default)]
pub struct Calls(Mutex<Vec<CallRecord>>);

impl Calls {
    pub fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Calls {
    fn called(&self, record: &CallRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

/// A client of what listens at `url`.
pub fn client(url: &str, calls: &Arc<Calls>, clock: Arc<dyn Clock>) -> Client {
    client_by(Config { endpoint_url: Some(url.to_owned()), ..Config::new("us-east-1") }, calls, clock)
}

pub fn client_by(config: Config, calls: &Arc<Calls>, clock: Arc<dyn Clock>) -> Client {
    let keys = Box::new(Fixed::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None));
    Client::new(config, keys, clock, calls.clone()).unwrap()
}

/// Time that moves only when somebody waits, and then at once.
pub struct Still(AtomicI64);

impl Still {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Timestamp::parse("2026-11-21T00:00:00Z").unwrap().0)))
    }
}

#[async_trait::async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Relaxed))
    }

    fn entropy(&self) -> u64 {
        7
    }

    async fn sleep_until(&self, due: Timestamp) {
        self.0.fetch_max(due.0, Relaxed);
    }
}

/// Runs until it is dropped.
pub struct Moto {
    process: Child,
    pub url: String,
}

impl Moto {
    /// Starts it, if it is installed.
    pub fn start() -> Option<Self> {
        let spawned = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut process) = spawned else {
            println!("skipped: moto_server is not installed (pip install 'moto[all,server]')");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("Running on ")?.1.trim().to_owned())
        });
        // It writes a line for every request, and must not block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, url: url.expect("moto_server says where it listens") })
    }

    pub fn client(&self, calls: &Arc<Calls>) -> Client {
        client(&self.url, calls, Arc::new(SystemClock))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
