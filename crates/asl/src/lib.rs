//! Amazon States Language: parse, validate, step. No IO, no clock, no randomness, no async.

mod choice;
mod definition;
mod diagnostic;
mod event;
mod execution;
mod expression;
mod history;
pub mod integration;
mod intrinsic;
pub mod items;
pub mod json;
mod jsonata;
pub mod limits;
pub mod locate;
pub mod map_run;
mod moment;
mod outline;
mod path;
#[doc(hidden)]
pub mod probe;
pub mod rehearsal;
mod step;
mod template;
pub mod test_state;
pub mod timestamp;

pub use definition::{QueryLanguage, StateMachine};
pub use diagnostic::{CODES, Code, Diagnostic, MachineKind, Severity, Validation, invalid_definition};
pub use event::{Event, fork_of};
pub use execution::{ChildOf, Execution, Redriven};
pub use moment::{
    Effect, Input, MapRunFailure, MapRunResult, Moment, Rejected, ScheduledTask, Start, Status, Transition,
};
pub use outline::{Outline, OutlineState, OutlineTransition, TransitionKind};
pub use step::step;
pub use timestamp::Timestamp;
