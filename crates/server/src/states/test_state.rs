//! `TestState`: one state by itself; what it asks of the world is done by the same handlers as in an execution.

use std::sync::Arc;

use serde_json::Value;
use shipway_asl::{
    Moment,
    limits::TEST_STATE_SECONDS_MAX,
    test_state::{self, Caller, FieldValidationMode, Outcome, PendingTask, PendingWait, Response, Shapes},
};
use shipway_engine::Trace;
use tokio_util::sync::CancellationToken;

use super::{Api, fault::Fault, validate::Request};

/// Takes any mocked result.
struct Anything;

impl Shapes for Anything {
    fn check(&self, _: &str, _: &Value, _: FieldValidationMode) -> Result<(), String> {
        Ok(())
    }
}

/// `TestState`
pub async fn run(api: &Api, request: Request) -> Result<Value, Fault> {
    let request = serde_json::from_value(request.into_value());
    let request = request.map_err(|error| Fault::serialization(error.to_string()))?;
    let (region, account) = api.engine.place();
    let caller = Caller { account: account.to_owned(), region: region.to_owned() };
    let outcome = {
        let shapes: &dyn Shapes = match &api.config.world {
            Some(world) => world.shapes(),
            None => &Anything,
        };
        test_state::run(&request, &caller, shapes, moment(api))
    };
    let outcome = outcome.map_err(|refusal| Fault::new(refusal.code, refusal.message))?;
    let response = match outcome {
        Outcome::Done(response) => *response,
        Outcome::Task(task) => perform(api, *task, request.reveal_secrets).await,
        Outcome::Wait(wait) => wait_for(api, *wait).await,
    };
    serde_json::to_value(response).map_err(|error| Fault::unavailable(&error))
}

fn moment(api: &Api) -> Moment {
    let clock = api.engine.clock();
    Moment { now: clock.now(), seed: clock.entropy() }
}

async fn perform(api: &Api, pending: PendingTask, reveals_secrets: bool) -> Response {
    let trace = Arc::new(Trace::new(reveals_secrets));
    let stop = CancellationToken::new();
    let clock = api.engine.clock();
    let deadline = clock.now().plus_millis(TEST_STATE_SECONDS_MAX.saturating_mul(1_000));
    let result = tokio::select! {
        result = api.engine.try_task(pending.task.clone(), &stop, &trace) => result,
        () = clock.sleep_until(deadline) => return pending.time_out(),
    };
    let outcome = result.map_err(|failure| (failure.error, Some(failure.cause)));
    pending.finish(outcome, trace.told(), moment(api))
}

async fn wait_for(api: &Api, pending: PendingWait) -> Response {
    let clock = api.engine.clock();
    let deadline = clock.now().plus_millis(TEST_STATE_SECONDS_MAX.saturating_mul(1_000));
    if pending.due > deadline {
        clock.sleep_until(deadline).await;
        return pending.time_out();
    }
    clock.sleep_until(pending.due).await;
    pending.finish(moment(api))
}
