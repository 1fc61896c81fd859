//! Deploys processes blue/green on one machine behind Shipway's edge proxy: the embedded default.

mod bake;
mod finish;
pub mod gate;
pub mod health;
mod prepare;
pub mod route;
pub mod run;
mod shift;
mod undo;
mod watch;

use super::{Deployer, failure, task};

pub use run::Run;

/// The `host` deployer.
pub const DEPLOYER: Deployer = Deployer {
    name: "host",
    summary: "Processes on one machine, blue/green behind Shipway's edge proxy",
    machine: include_str!("host.asl.json"),
    schema: run::release_schema,
    tasks: &[
        task!("Validate", prepare::validate),
        task!("Lock", prepare::lock),
        task!("ValidateResources", prepare::validate_resources),
        task!("Deploy", prepare::deploy),
        task!("CheckHealthy", watch::check_healthy),
        task!("Shift", shift::shift),
        task!("Bake", bake::bake),
        task!("CleanUpSuccess", finish::clean_up_success),
        task!("DetachForFailure", undo::detach_for_failure),
        task!("CleanUpFailure", undo::clean_up_failure),
        task!("ReleaseLock", finish::release_lock),
    ],
    errors: &[
        failure::BAD_RELEASE,
        failure::BAD_INPUT,
        failure::HOST,
        failure::STORE,
        failure::LOCK_EXISTS,
        failure::LOCK_LOST,
        failure::HALT,
        failure::TIMEOUT,
        failure::HEALTH,
        failure::GATE,
        failure::CLEAN_UP,
        failure::PANIC,
    ],
};
