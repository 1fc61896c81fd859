//! Amazon States Language: parse, validate, step. No IO, no clock, no randomness, no async.

mod choice;
mod definition;
mod diagnostic;
mod event;
mod execution;
mod expression;
mod history;
mod intrinsic;
pub mod limits;
pub mod locate;
mod moment;
mod outline;
mod path;
pub mod rehearsal;
mod step;
mod template;
pub mod timestamp;

pub use definition::StateMachine;
pub use diagnostic::{Diagnostic, Severity};
pub use event::Event;
pub use execution::Execution;
pub use moment::{Effect, Input, Moment, Rejected, ScheduledTask, Start, Status, Transition};
pub use outline::{Outline, OutlineState, OutlineTransition, TransitionKind};
pub use step::step;
pub use timestamp::Timestamp;
