//! Cases of `test_state`: one state, its mock and the answer of TestState. Mocks are judged by AWS's own models.

use serde_json::{Value, json};
use shipway_asl::test_state::{
    Caller, Exchange, FieldValidationMode, Outcome, Request, Shapes, run as test_state,
};
use shipway_asl::{Moment, Timestamp};
use shipway_aws::mock;

use super::Judgement;
use super::cases::{Case, field};
use super::compare::{Bound, difference};
use super::recorder::Recorder;

/// Judges one case.
pub fn judge(_: &Case, data: &Value) -> Vec<Judgement> {
    vec![Judgement::of("test_state".to_owned(), run(data))]
}

struct Models;

impl Shapes for Models {
    fn check(&self, resource: &str, result: &Value, mode: FieldValidationMode) -> Result<(), String> {
        let mode = match mode {
            FieldValidationMode::Strict => mock::FieldValidationMode::Strict,
            FieldValidationMode::Present => mock::FieldValidationMode::Present,
            FieldValidationMode::None => mock::FieldValidationMode::None,
        };
        mock::validate(resource, result, mode)
    }
}

fn run(data: &Value) -> Result<(), String> {
    let request: Request = serde_json::from_value(field(data, "request")?.clone())
        .map_err(|error| format!("request: {error}"))?;
    let caller = Caller { account: "111111111111".to_owned(), region: "us-east-1".to_owned() };
    let now = Timestamp::parse("2026-11-21T04:00:00Z").ok_or("the start is no time")?;
    let at = Moment { now, seed: 7 };
    let expected = &data["expected"];
    let found = match test_state(&request, &caller, &Models, at) {
        Err(refusal) => return refused(data, refusal.code, &refusal.message),
        Ok(Outcome::Done(response)) => *response,
        Ok(Outcome::Task(pending)) => {
            // WHY: without a mock AWS calls the service; what it answered is taken from the record.
            let result = expected.pointer("/inspectionData/result").unwrap_or(&expected["output"]);
            pending.finish(Ok(result.clone()), Exchange::default(), at)
        }
        Ok(Outcome::Wait(pending)) => pending.finish(at),
    };
    let found = serde_json::to_value(found).map_err(|error| format!("the answer: {error}"))?;
    if let Some(error) = data.get("expected_error") {
        return Err(format!("expected {error}, got {found}"));
    }
    difference("answer", expected, &Recorder::new(data).stored(&found), &mut Bound::default())
}

fn refused(data: &Value, code: impl Into<Value>, message: &str) -> Result<(), String> {
    let found = json!({"code": code.into(), "message": message});
    let Some(error) = data.get("expected_error") else { return Err(format!("refused: {found}")) };
    let expected = json!({"code": error["code"], "message": error["message"]});
    difference("refusal", &expected, &found, &mut Bound::default())
}
