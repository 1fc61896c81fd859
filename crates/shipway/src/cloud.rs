//! What the Step Functions API asks of the world, answered by AWS's service models. Calls no service.

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::test_state::{FieldValidationMode, Shapes};
use shipway_aws::mock;
use shipway_server::states::World;

/// The world as far as AWS's models tell of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

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

#[async_trait]
impl World for Models {
    // WHY: nothing is sent to log groups, so none can be missing.
    async fn has_log_group(&self, _: &str) -> bool {
        true
    }

    fn shapes(&self) -> &(dyn Shapes + Sync) {
        self
    }
}
