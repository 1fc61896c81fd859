//! Plays sequences of calls, and tells the sequence that broke something.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use shipway_aws::models::Operation;

use super::{
    checks::{self, Settled},
    model,
    random::Random,
    values::{Pools, sensible, spoil},
    wire::{Raw, Server},
};

/// Calls of one sequence.
pub const CALLS: usize = 400;
/// Calls that are told when something breaks.
const TOLD: usize = 12;
/// Pages that a list has at most.
const PAGES_MAX: usize = 2_000;

/// How often which action was answered how.
#[derive(Default)]
pub struct Tally(pub BTreeMap<String, BTreeMap<String, u64>>);

impl Tally {
    pub fn calls(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).sum()
    }

    /// Actions that succeeded at least once.
    pub fn covered(&self) -> usize {
        self.0.values().filter(|answers| answers.contains_key("200")).count()
    }
}

/// Who plays a sequence.
pub struct Player {
    server: Server,
    random: Random,
    pools: Pools,
    operations: Vec<Operation<'static>>,
    last: VecDeque<String>,
    pub settled: Settled,
    pub tally: Tally,
}

impl Player {
    pub fn new(server: Server, seed: u64) -> Self {
        Self {
            server,
            random: Random::new(seed),
            pools: Pools::default(),
            operations: model::operations(),
            last: VecDeque::new(),
            settled: Settled::default(),
            tally: Tally::default(),
        }
    }

    /// Plays so many calls; what broke, and what came before it.
    pub async fn play(&mut self, calls: usize) -> Result<(), String> {
        self.begin().await?;
        for number in 0..calls {
            self.turn().await.map_err(|why| {
                let before: Vec<&str> = self.last.iter().map(String::as_str).collect();
                format!("call {number}: {why}\nthe calls before it:\n{}", before.join("\n"))
            })?;
        }
        Ok(())
    }

    /// Things of every kind, so that there is something to call about.
    async fn begin(&mut self) -> Result<(), String> {
        let role = "arn:aws:iam::123456789012:role/r";
        let activity = self.good("CreateActivity", json!({"name": "begun"})).await?["activityArn"].clone();
        let task = json!({"Type": "Task", "Resource": activity, "End": true});
        let mut processor = json!({"StartAt": "I", "States": {"I": task}});
        processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
        let map = json!({"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": true});
        let pass = json!({"Type": "Pass", "End": true});
        for (name, kind, state, input) in [
            ("tasks", "STANDARD", &task, "{}"),
            ("maps", "STANDARD", &map, "[1, 2, 3]"),
            ("passes", "STANDARD", &pass, "{}"),
            ("express", "EXPRESS", &pass, "{}"),
        ] {
            let definition = json!({"StartAt": "S", "States": {"S": state}}).to_string();
            // WHY: a server over HTTP may know them from the sequence before.
            let name = format!("{name}-{}", self.random.next());
            let request = json!({"name": name, "definition": definition, "roleArn": role, "type": kind, "publish": true});
            let arn = self.good("CreateStateMachine", request).await?["stateMachineArn"].clone();
            self.call("StartExecution", &json!({"stateMachineArn": arn, "input": input})).await?;
            let runs = self.all_of_last(&arn).await?;
            for run in runs {
                self.good("ListMapRuns", json!({"executionArn": run})).await?;
            }
        }
        for _ in 0..2 {
            self.good("GetActivityTask", json!({"activityArn": activity})).await?;
        }
        Ok(())
    }

    /// Executions of a machine that keeps them.
    async fn all_of_last(&mut self, machine: &Value) -> Result<Vec<Value>, String> {
        let (_, listed) = self.call("ListExecutions", &json!({"stateMachineArn": machine})).await?;
        let runs = listed["executions"].as_array().cloned().unwrap_or_default();
        Ok(runs.into_iter().map(|run| run["executionArn"].clone()).collect())
    }

    async fn turn(&mut self) -> Result<(), String> {
        let operation = *self.random.pick(&self.operations);
        // WHY: what is deleted at once can be called about no more.
        if operation.name().starts_with("Delete") && self.random.is_in(70) {
            return Ok(());
        }
        // WHY: in real time, a poll for which there is no task takes a minute.
        let is_slow = matches!(operation.name(), "GetActivityTask" | "StartSyncExecution" | "TestState");
        if is_slow && !self.server.is_local() {
            return Ok(());
        }
        let mut request = sensible(&mut self.random, &self.pools, &operation);
        if self.random.is_in(25) {
            spoil(&mut self.random, &mut request);
        }
        if self.random.is_in(5) {
            return self.garbage(operation.name(), &request).await;
        }
        let (status, answer) = self.call(operation.name(), &request).await?;
        if status != 200 {
            return Ok(());
        }
        Box::pin(checks::check(self, operation.name(), &request, &answer)).await
    }

    /// Calls an action; its answer has a form that the model allows.
    pub async fn call(&mut self, action: &str, request: &Value) -> Result<(u16, Value), String> {
        let raw = Raw {
            method: "POST",
            target: Some(format!("AWSStepFunctions.{action}")),
            kind: "application/x-amz-json-1.0",
            body: request.to_string().into_bytes(),
        };
        let (status, body) = self.send(&raw).await?;
        let told = || format!("{raw}\n  answered {status} {}", String::from_utf8_lossy(&body));
        let answer: Value =
            serde_json::from_slice(&body).map_err(|error| format!("{}\n  {error}", told()))?;
        let operation = self.operations.iter().find(|operation| operation.name() == action).unwrap();
        model::check(operation, status, &answer).map_err(|why| format!("{}\n  {why}", told()))?;
        let code = if status == 200 { "200" } else { answer["__type"].as_str().unwrap_or_default() };
        *self.tally.0.entry(action.to_owned()).or_default().entry(code.to_owned()).or_default() += 1;
        self.note(&format!("{raw}\n  -> {status} {}", String::from_utf8_lossy(&body)));
        if status == 200 {
            self.pools.learn(&answer);
        }
        Ok((status, answer))
    }

    /// Calls an action that must succeed.
    pub async fn good(&mut self, action: &str, request: Value) -> Result<Value, String> {
        let (status, answer) = self.call(action, &request).await?;
        match status {
            200 => Ok(answer),
            _ => Err(format!("{action} {request} answered {answer}")),
        }
    }

    /// All pages of a list.
    pub async fn all(&mut self, action: &str, mut request: Value, name: &str) -> Result<Vec<Value>, String> {
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.good(action, request.clone()).await?;
            found.extend(answer[name].as_array().cloned().unwrap_or_default());
            match answer.get("nextToken") {
                Some(token) => request["nextToken"] = token.clone(),
                None => return Ok(found),
            }
        }
        Err(format!("{action} has no last page"))
    }

    /// What is no call, or hardly one.
    async fn garbage(&mut self, action: &str, request: &Value) -> Result<(), String> {
        let mut raw = Raw {
            method: "POST",
            target: Some(format!("AWSStepFunctions.{action}")),
            kind: "application/x-amz-json-1.0",
            body: request.to_string().into_bytes(),
        };
        match self.random.below(14) {
            0 => raw.body.truncate(raw.body.len() / 2),
            1 => raw.body.clear(),
            2 => raw.body = br#"{"name": "\ud800"}"#.to_vec(),
            3 => raw.body = b"{\"name\": \"\xff\xfe\"}".to_vec(),
            4 => raw.body = "[".repeat(100_000).into_bytes(),
            5 => raw.body = r#"{"a":"#.repeat(5_000).into_bytes(),
            6 => raw.body = [b"\xef\xbb\xbf", raw.body.as_slice()].concat(),
            7 => raw.body = json!([request]).to_string().into_bytes(),
            8 => raw.body.extend_from_slice(b" {}"),
            9 => raw.kind = "text/plain",
            10 => {
                raw.target = Some(
                    (*self.random.pick(&["", "AWSStepFunctions.", "AWSStepFunctions.x", "S3.Get"]))
                        .to_owned(),
                )
            }
            11 => raw.target = None,
            12 => raw.method = *self.random.pick(&["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]),
            _ => raw.body = vec![b' '; (1 << 20) + 1],
        }
        let (status, body) = self.send(&raw).await?;
        self.note(&format!("{raw}\n  -> {status}"));
        let is_fine = (200..500).contains(&status);
        if is_fine {
            Ok(())
        } else {
            Err(format!("{raw}\n  answered {status} {}", String::from_utf8_lossy(&body)))
        }
    }

    async fn send(&mut self, raw: &Raw) -> Result<(u16, Vec<u8>), String> {
        self.server.send(raw).await.map_err(|why| format!("{raw}\n  was not answered: {why}"))
    }

    fn note(&mut self, told: &str) {
        self.last.push_back(told.chars().take(1_000).collect());
        if self.last.len() > TOLD {
            self.last.pop_front();
        }
    }
}
