//! The registry of deployers: state machines with their task handlers. Starts nothing by itself; see [`dispatch`].

pub mod context;
pub mod dispatch;
pub mod failure;
pub mod host;
pub mod progress;
pub mod records;

use futures_util::future::BoxFuture;
use serde_json::Value;
use shipway_engine::TaskFailure;

pub use context::Context;
pub use dispatch::Dispatcher;
pub use progress::Progress;

/// What stands for the function in a machine's document; the same name as in an AWS `DefinitionSubstitutions`.
pub const FUNCTION_PLACEHOLDER: &str = "${ShipwayFunction}";

/// The function's ARN in the embedded engine.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:local:000000000000:function:shipway";

/// One way to bring a release to where it runs: an ASL document and the handlers of its tasks.
#[derive(Debug)]
pub struct Deployer {
    /// Its name; also the name of its machine.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The machine; the same bytes go to AWS Step Functions.
    pub machine: &'static str,
    /// JSON Schema of its release.
    pub schema: fn() -> schemars::Schema,
    /// Handlers, one for each Task state.
    pub tasks: &'static [TaskDefinition],
    /// Errors its handlers raise: what a machine can catch.
    pub errors: &'static [&'static str],
}

/// A handler under the name of its state.
#[derive(Debug)]
pub struct TaskDefinition {
    /// Name of the state.
    pub name: &'static str,
    /// Does it: the state's input in, its output out.
    pub run: Run,
}

/// A handler with its types erased.
pub type Run = for<'a> fn(&'a Context, Value) -> BoxFuture<'a, Result<Value, TaskFailure>>;

/// All deployers.
pub const DEPLOYERS: &[&Deployer] = &[&host::DEPLOYER];

impl Deployer {
    /// The deployer of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        DEPLOYERS.iter().copied().find(|deployer| deployer.name == name)
    }

    /// The handler of a state.
    pub fn task(&self, state: &str) -> Option<&'static TaskDefinition> {
        self.tasks.iter().find(|task| task.name == state)
    }

    /// The machine with `function` as the resource of its tasks.
    pub fn definition(&self, function: &str) -> String {
        self.machine.replace(FUNCTION_PLACEHOLDER, function)
    }
}

/// Registers an async function `(&Context, Input) -> Result<Output, TaskFailure>` as the handler of a state.
macro_rules! task {
    ($name:literal, $run:path) => {
        $crate::deployer::TaskDefinition {
            name: $name,
            run: |cx, input| {
                Box::pin(async move {
                    let input = $crate::deployer::failure::decode(input)?;
                    $crate::deployer::failure::encode(&$run(cx, input).await?)
                })
            },
        }
    };
}
pub(crate) use task;
