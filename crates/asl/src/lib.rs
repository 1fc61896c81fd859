//! Amazon States Language: parse, validate, step. No IO, no clock, no randomness, no async.

mod choice;
mod definition;
mod diagnostic;
mod event;
mod execution;
mod expression;
mod history;
mod intrinsic;
pub mod items;
mod jsonata;
pub mod limits;
pub mod map_run;
mod moment;
mod outline;
mod path;
mod step;
mod template;
pub mod timestamp;

pub use definition::{QueryLanguage, StateMachine};
pub use diagnostic::{Diagnostic, Severity};
pub use event::Event;
pub use execution::{ChildOf, Execution};
pub use moment::{
    Effect, Input, MapRunFailure, MapRunResult, Moment, Rejected, ScheduledTask, Start, Status, Transition,
};
pub use outline::{Outline, OutlineState, OutlineTransition, TransitionKind};
pub use step::step;
pub use timestamp::Timestamp;
