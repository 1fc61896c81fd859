//! What a Map Run is told to do when its state is entered: everything evaluated, nothing done yet.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::execution::{ChildOf, Execution};
use crate::intrinsic::uuid_text;
use crate::items::ReadPlan;
use crate::moment::Start;

pub use crate::definition::ExecutionType;

/// A Map Run to be done, from [`Effect::StartMapRun`](crate::Effect::StartMapRun).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunPlan {
    /// Id of the event that started it; unique in the execution.
    pub run: u64,
    /// `...:mapRun:<machine>/<label>:<uuid>`.
    pub arn: String,
    /// The Map state's name.
    pub state: String,
    /// What the children are.
    pub execution_type: ExecutionType,
    /// `MaxConcurrency`; 0 for as many as there may be.
    pub max_concurrency: u32,
    /// What failures it bears.
    pub tolerated: Tolerated,
    /// Where the items are read; none: they came with the state's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<ReadPlan>,
    /// `ItemBatcher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// What becomes of the results.
    pub writer: WritePlan,
}

/// How many items may fail; without both, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolerated {
    /// `ToleratedFailureCount`.
    pub count: Option<u64>,
    /// `ToleratedFailurePercentage`.
    pub percentage: Option<f64>,
}

/// `ItemBatcher`, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// `MaxItemsPerBatch`.
    pub max_items: Option<u64>,
    /// `MaxInputBytesPerBatch`.
    pub max_bytes: Option<u64>,
    /// `BatchInput`.
    pub input: Option<Value>,
}

/// `ResultWriter`, evaluated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WritePlan {
    /// The evaluated `Parameters` or `Arguments`, if results go to a bucket.
    pub arguments: Option<Value>,
    /// `WriterConfig.Transformation`.
    pub transformation: Transformation,
    /// Whether `WriterConfig.OutputType` is `JSONL`.
    pub is_lines: bool,
}

/// What of a child becomes its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transformation {
    /// All that is known of the child.
    None,
    /// Its output.
    #[default]
    Compact,
    /// Its output, and if that is an array, the elements.
    Flatten,
}

/// The input of one child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildInput {
    /// What it is started with.
    pub input: Value,
    /// How many items it stands for.
    pub items: u32,
}

impl MapRunPlan {
    /// The name of a child: the same for the same Map Run and number, whoever asks.
    pub fn child_name(&self, child: u32) -> String {
        let digest = Sha256::digest(format!("{}/{child}", self.arn));
        let entropy = digest.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
        uuid_text(entropy)
    }

    /// The ARN of a child: `...:execution:<machine>/<label>:<name>`.
    pub fn child_arn(&self, child: u32) -> String {
        format!("{}:{}", self.scope(":execution:"), self.child_name(child))
    }

    /// What names the machine of the children: `...:stateMachine:<machine>/<label>`.
    pub fn machine_arn(&self) -> String {
        self.scope(":stateMachine:")
    }

    /// `<machine>/<label>`.
    pub fn machine_name(&self) -> String {
        self.scope(":").rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// The last part of the Map Run's ARN.
    pub fn id(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    fn scope(&self, kind: &str) -> String {
        let scope = self.arn.rsplit_once(':').map_or("", |(scope, _)| scope);
        scope.replacen(":mapRun:", kind, 1)
    }

    /// A child that has not begun; `attempt` is how often the Map Run was redriven.
    pub fn child(&self, parent: &Start, child: u32, input: Value, attempt: u32) -> Execution {
        let start = Start {
            execution_arn: self.child_arn(child),
            execution_name: self.child_name(child),
            machine_arn: self.machine_arn(),
            machine_name: self.machine_name(),
            role_arn: parent.role_arn.clone(),
            input,
        };
        let of = ChildOf {
            state: self.state.clone(),
            map_run: self.arn.clone(),
            child,
            execution_type: self.execution_type,
            attempt,
        };
        Execution::child(start, of)
    }
}
