//! Advances an execution by one input. Everything that changes goes through events.

mod context;
mod distributed;
mod enter;
mod exit;
mod fail;
mod fork;
mod input;
pub(crate) mod inspect;
mod query;
mod redrive;
mod stepper;
mod task;
mod wait;

pub(crate) use context::MapItem;
pub(crate) use stepper::Stepper;

use crate::definition::StateMachine;
use crate::execution::Execution;
use crate::moment::{Input, Moment, Rejected, Transition};

/// Advances an execution by one input as far as it goes without the outside world.
///
/// On success `execution` has been advanced by exactly the returned events; on rejection it is unchanged.
pub fn step(
    machine: &StateMachine,
    execution: &mut Execution,
    input: Input,
    at: Moment,
) -> Result<Transition, Rejected> {
    #[cfg(debug_assertions)]
    let before = (execution.last_event_id() < FOLD_CHECK_EVENTS_MAX).then(|| execution.clone());
    let transition = input::take(machine, execution, input, at)?;
    #[cfg(debug_assertions)]
    if let Some(mut folded) = before {
        transition.events.iter().for_each(|event| folded.apply(event));
        debug_assert_eq!(&folded, execution, "an execution is the fold of its events");
        debug_assert_eq!(execution.unattended(), None, "each running state waits for exactly one thing");
    }
    Ok(transition)
}

/// Debug builds check the fold of histories up to this length: beyond, the copies would cost O(n^2).
#[cfg(debug_assertions)]
const FOLD_CHECK_EVENTS_MAX: u64 = 500;
