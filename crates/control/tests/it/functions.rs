//! Functions as records and calls, over a runner that answers as it is told, in virtual time.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shipway_asl::Timestamp;
use shipway_control::{
    app::Error,
    function::{
        Call, Function, Functions, Invocation, Outcome, Place, Reference, Refusal, Runner, Runtime, Settings,
        Unfinished, Use, Variables,
    },
    host::{LogPage, LogQuery},
};
use shipway_engine::{Clock, Store, VirtualClock, memory_store};
use tokio_util::sync::CancellationToken;

/// Answers in turn, and keeps what it was asked.
#[derive(Default)]
struct Told {
    answers: Mutex<Vec<Result<Outcome, Unfinished>>>,
    calls: Mutex<Vec<(String, Invocation)>>,
    retired: Mutex<Vec<(String, Option<String>)>>,
}

#[async_trait]
impl Runner for Told {
    fn check(&self, _: &Settings) -> Result<(), Error> {
        Ok(())
    }

    async fn invoke(&self, function: &Function, invocation: Invocation) -> Result<Outcome, Unfinished> {
        self.calls.lock().unwrap().push((function.revision.clone(), invocation));
        self.answers.lock().unwrap().pop().unwrap_or_else(|| Ok(outcome(false)))
    }

    async fn place_freed(&self, _: &str) {}

    fn retire(&self, name: &str, keep: Option<&str>) {
        self.retired.lock().unwrap().push((name.to_owned(), keep.map(str::to_owned)));
    }

    async fn forget(&self, _: &str) {}

    fn usage(&self, _: &str) -> Use {
        Use::default()
    }

    async fn logs(&self, _: &str, _: &LogQuery) -> Result<LogPage, Error> {
        Ok(LogPage::default())
    }
}

fn outcome(is_failure: bool) -> Outcome {
    Outcome { payload: b"1".to_vec(), is_failure, log_tail: Vec::new() }
}

struct Rig {
    functions: Functions,
    runner: Arc<Told>,
    clock: Arc<VirtualClock>,
    store: Arc<dyn Store>,
    stop: CancellationToken,
}

impl Rig {
    fn new() -> Self {
        let (runner, stop, store) = (Arc::new(Told::default()), CancellationToken::new(), memory_store());
        let clock = Arc::new(VirtualClock::new(Timestamp(1_000_000), 7));
        let place = Place { region: "us-east-1".to_owned(), account: "000000000000".to_owned() };
        let functions =
            Functions::new(Arc::clone(&store), clock.clone(), runner.clone(), place, stop.clone());
        Self { functions, runner, clock, store, stop }
    }

    async fn pass(&self, millis: u64) {
        self.clock.sleep_until(self.clock.now().plus_millis(millis)).await;
    }

    /// The answers that come, the first of them first.
    fn answers(&self, answers: impl IntoIterator<Item = Result<Outcome, Unfinished>>) {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        *self.runner.answers.lock().unwrap() = answers;
    }

    fn calls(&self) -> usize {
        self.runner.calls.lock().unwrap().len()
    }
}

fn settings() -> Settings {
    Settings {
        runtime: Runtime::Provided,
        handler: String::new(),
        directory: "/srv/f".into(),
        timeout_seconds: 3,
        concurrency: 1,
        memory_mb: 128,
        env: Variables([("TOKEN".to_owned(), "hidden".to_owned())].into()),
    }
}

fn call(name: &str, payload: &str) -> Call {
    let function = Reference::parse(name).unwrap();
    Call { function, payload: payload.as_bytes().to_vec(), client_context: None }
}

#[tokio::test(start_paused = true)]
async fn a_registration_takes_the_place_of_the_one_before_and_shows_no_value() {
    let rig = Rig::new();
    let first = rig.functions.register("f", settings(), "ana").await.unwrap();
    let second = rig.functions.register("f", settings(), "bo").await.unwrap();
    assert_ne!(first.revision, second.revision);
    assert_eq!(
        rig.runner.retired.lock().unwrap().last().unwrap(),
        &("f".to_owned(), Some(second.revision.clone()))
    );
    assert_eq!(rig.functions.list().await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(second.env_names, ["TOKEN"]);
    assert!(!serde_json::to_string(&second).unwrap().contains("hidden"));
    assert_eq!(second.arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
    rig.functions.remove("f", Some(&first.revision), "ana").await.unwrap_err();
    rig.functions.remove("f", None, "ana").await.unwrap();
    assert_eq!(rig.functions.list().await.unwrap(), []);
    rig.functions.register("f", settings(), "ana").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_renews_ends() {
    let rig = Rig::new();
    let leased = rig.functions.lease("f", settings(), "ana").await.unwrap();
    for _ in 0..5 {
        rig.pass(10_000).await;
        rig.functions.renew("f", &leased.revision).await.unwrap();
    }
    rig.functions.renew("f", "another").await.unwrap_err();
    rig.pass(15_000).await;
    assert!(matches!(rig.functions.describe("f").await, Err(Error::NotFound { .. })));
    let refused = rig.functions.invoke(call("f", "{}")).await.unwrap_err();
    assert_eq!(refused, Refusal::NotFound { arn: leased.arn });
    rig.functions.register("other", settings(), "bo").await.unwrap();
    assert!(rig.runner.retired.lock().unwrap().contains(&("f".to_owned(), None)), "nothing of it is left");
    assert_eq!(rig.store.records("function/", None, 10).await.unwrap().len(), 1);
    rig.functions.register("f", settings(), "bo").await.unwrap();
    let refused = rig.functions.lease("f", settings(), "ana").await.unwrap_err();
    assert!(refused.to_string().contains("registered for good"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_call_names_its_function_as_its_caller_did() {
    let rig = Rig::new();
    rig.functions.register("f", settings(), "ana").await.unwrap();
    let done =
        rig.functions.invoke(call("arn:aws:lambda:eu-west-1:123456789012:function:f:7", "")).await.unwrap();
    let (_, invocation) = rig.runner.calls.lock().unwrap().pop().unwrap();
    assert_eq!(invocation.arn, "arn:aws:lambda:eu-west-1:123456789012:function:f:7");
    assert_eq!((invocation.payload.as_slice(), invocation.request_id), (b"{}".as_slice(), done.request_id));
}

#[tokio::test(start_paused = true)]
async fn calls_that_cannot_be_are_refused_by_lambdas_names() {
    let rig = Rig::new();
    rig.functions.register("f", settings(), "ana").await.unwrap();
    let code =
        async |name: &str, payload: &str| rig.functions.invoke(call(name, payload)).await.unwrap_err().code();
    assert_eq!(code("none", "{}").await, "ResourceNotFoundException");
    assert_eq!(code("f", "{").await, "InvalidRequestContentException");
    assert_eq!(code("f", &" ".repeat(6 * 1024 * 1024 + 1)).await, "RequestTooLargeException");
    rig.answers([Err(Unfinished::Busy)]);
    assert_eq!(code("f", "{}").await, "TooManyRequestsException");
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(
        rig.functions.enqueue(call("f", &large)).await.unwrap_err().code(),
        "RequestTooLargeException"
    );
    assert_eq!(rig.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_waits_for_a_place_and_is_tried_three_times() {
    let rig = Rig::new();
    rig.functions.register("f", settings(), "ana").await.unwrap();
    rig.answers([Err(Unfinished::Busy), Ok(outcome(true)), Ok(outcome(true)), Ok(outcome(true))]);
    let id = rig.functions.enqueue(call("f", "{}")).await.unwrap();
    rig.pass(59_000).await;
    assert_eq!(rig.calls(), 2, "a place, and the first try");
    rig.pass(2_000).await;
    assert_eq!(rig.calls(), 3);
    rig.pass(600_000).await;
    assert_eq!(rig.calls(), 4);
    assert!(rig.runner.calls.lock().unwrap().iter().all(|(_, call)| call.request_id == id));
    rig.answers([Ok(outcome(true))]);
    rig.functions.enqueue(call("f", "{}")).await.unwrap();
    rig.pass(1).await;
    rig.stop.cancel();
    rig.functions.stopped().await;
    assert_eq!(rig.calls(), 5, "what waits ends with the server");
}

#[tokio::test(start_paused = true)]
async fn values_are_in_the_record_and_nowhere_else() {
    let rig = Rig::new();
    rig.functions.register("f", settings(), "ana").await.unwrap();
    let records = rig.store.records("", None, 100).await.unwrap();
    let kept: Vec<_> = records.iter().filter(|record| record.value.to_string().contains("hidden")).collect();
    assert_eq!(kept.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), ["function/f"]);
}
