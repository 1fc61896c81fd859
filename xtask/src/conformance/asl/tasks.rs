//! Outcomes of a case's tasks, given out in the order in which tasks are scheduled; checks what each task was sent.

use std::collections::VecDeque;

use serde_json::{Value, json};
use shipway_asl::ScheduledTask;

use super::compare::{Bound, difference};
use super::recorder::Recorder;
use super::world::Answer;

/// How often a task that the case tells only the end of may be tried.
const TRIES_MAX: usize = 4;

/// What is left to be given out.
pub struct Tasks<'c> {
    recorder: &'c Recorder,
    /// Whether the case lists its tasks; else they are read from its history or its output.
    is_listed: bool,
    left: Vec<Value>,
    /// Names of workers, in the order in which they took tasks of activities.
    workers: VecDeque<String>,
    /// The first thing that was wrong.
    pub problem: Option<String>,
}

impl<'c> Tasks<'c> {
    pub fn new(data: &Value, recorder: &'c Recorder) -> Self {
        let listed = data["tasks"].as_array().cloned();
        let is_listed = listed.is_some();
        let expected = &data["expected"];
        let left = listed.unwrap_or_else(|| told(expected));
        Self { recorder, is_listed, left, workers: workers(expected), problem: None }
    }

    /// The answer to a task, and what was recorded of it.
    pub fn answer(&mut self, task: &ScheduledTask, bound: &mut Bound) -> (Answer, Value) {
        let is_of = |other: &Value| other.get("state").is_none_or(|state| *state == task.state.as_str());
        let Some(found) = self.left.iter().position(is_of) else {
            if self.is_listed {
                self.problem.get_or_insert(format!("task {} has no outcome left", task.state));
                return (failed("Conformance.NoOutcome"), Value::Null);
            }
            // WHY: a function of which nothing was recorded gives back what it was given.
            let outcome = Some(Ok(task.parameters.clone()));
            return (Answer { started: true, worker: None, submitted: None, outcome }, Value::Null);
        };
        let recorded = self.left.remove(found);
        if let Some(expected) = recorded.get("parameters") {
            let sent = self.recorder.aged(&task.parameters);
            let differ = difference("parameters", expected, &sent, bound);
            if let Err(differ) = differ {
                self.problem.get_or_insert(format!("task {}: {differ}", task.state));
            }
        }
        let is_activity = task.resource.contains(":activity:");
        let worker = is_activity.then(|| self.workers.pop_front()).flatten();
        (Answer { worker, ..answer(&recorded) }, recorded)
    }

    /// That every task that was recorded was scheduled.
    pub fn end(self) -> Result<(), String> {
        match (self.problem, self.left.first()) {
            (Some(problem), _) => Err(problem),
            (None, Some(left)) if self.is_listed => Err(format!(
                "{} recorded tasks were never scheduled, first {}",
                self.left.len(),
                left["state"]
            )),
            _ => Ok(()),
        }
    }
}

fn workers(expected: &Value) -> VecDeque<String> {
    let events = expected["history"].as_array().into_iter().flatten();
    let name =
        |event: &Value| event.pointer("/activityStartedEventDetails/workerName")?.as_str().map(str::to_owned);
    events.filter_map(name).collect()
}

fn failed(error: &str) -> Answer {
    Answer { started: true, worker: None, submitted: None, outcome: Some(Err((error.to_owned(), None))) }
}

/// Outcomes of tasks as far as the history, or else the output, tells.
fn told(expected: &Value) -> Vec<Value> {
    let Some(history) = expected["history"].as_array() else {
        let output = &expected["output"];
        let outcome = match output.get("Error") {
            Some(error) => json!({"type": "TaskFailed", "error": error, "cause": output["Cause"]}),
            None => json!({"type": "TaskSucceeded", "output": output.get("final").unwrap_or(output)}),
        };
        return vec![json!({ "outcome": outcome }); TRIES_MAX];
    };
    let outcomes = history.iter().filter_map(|event| {
        let kind = event["type"].as_str()?;
        let is_end = ["Succeeded", "Failed", "TimedOut"].iter().any(|end| kind.ends_with(end));
        let of_task = ["Task", "Lambda", "Activity"].iter().any(|start| kind.starts_with(start));
        let details = event.as_object()?.iter().find(|(name, _)| name.ends_with("EventDetails"))?.1;
        let outcome = json!({"type": kind, "output": details["output"], "error": details["error"],
            "cause": details["cause"]});
        (is_end && of_task).then(|| json!({ "outcome": outcome }))
    });
    outcomes.collect()
}

fn answer(recorded: &Value) -> Answer {
    let outcome = &recorded["outcome"];
    let kind = outcome["type"].as_str().unwrap_or("TimedOut");
    let outcome = if kind.ends_with("Succeeded") {
        Some(Ok(payload(&outcome["output"])))
    } else if kind.ends_with("Failed") {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Some(Err((text(&outcome["error"]).unwrap_or_default(), text(&outcome["cause"]))))
    } else {
        None
    };
    Answer {
        started: true,
        worker: None,
        submitted: recorded.get("submitted").map(|submitted| payload(&submitted["output"])),
        outcome,
    }
}

/// A recorded payload: a text that is JSON stands for that JSON.
fn payload(recorded: &Value) -> Value {
    match recorded {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| recorded.clone()),
        other => other.clone(),
    }
}
