//! Why a test is not run: AWS's codes and messages, all of them in this file.

use crate::definition::StateKind;
use crate::diagnostic::Diagnostic;

/// Why a test is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// AWS's name of the exception.
    pub code: &'static str,
    /// In AWS's words, where they are known.
    pub message: String,
}

/// A field of the request that stands in constraint errors.
pub(super) const STATE_NAME: &str = "stateName";

impl Refusal {
    fn validation(message: impl Into<String>) -> Self {
        Self { code: "ValidationException", message: message.into() }
    }

    pub(super) fn definition(found: &[Diagnostic]) -> Self {
        let lines: Vec<String> =
            found.iter().map(|one| format!("{}: {} at {}", one.code, one.message, one.location)).collect();
        let message = format!("Invalid State Machine Definition: '{}'", lines.join(", "));
        Self { code: "InvalidDefinition", message }
    }

    pub(super) fn input(why: &str) -> Self {
        let message = format!("Invalid State Machine Execution Input: '{why}'");
        Self { code: "InvalidExecutionInput", message }
    }

    pub(super) fn empty(field: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length greater than or equal to 1"
        ))
    }

    pub(super) fn too_long(field: &str, most: usize) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length less than or equal to {most}"
        ))
    }

    pub(super) fn no_such_state() -> Self {
        Self::validation("State not found in definition")
    }

    pub(super) fn no_such_cause(name: &str) -> Self {
        Self::validation(format!("State '{name}' in errorCausedByState not found in the tested state"))
    }

    pub(super) fn variables(why: &str) -> Self {
        Self::validation(format!("Variables must be a valid JSON object: {why}"))
    }

    pub(super) fn role_missing() -> Self {
        Self::validation("RoleArn must be specified when testing a Task state")
    }

    pub(super) fn mock_needed_by_fork() -> Self {
        let message = "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]";
        Self { code: "InvalidDefinition", message: message.into() }
    }

    pub(super) fn mock_needed_by_task(resource: &str) -> Self {
        Self::validation(format!(
            "TestState does not support resource '{resource}' when a mock is not specified."
        ))
    }

    pub(super) fn needs_mock(field: &str) -> Self {
        Self::validation(format!("TestState does not support {field} when a mock is not specified."))
    }

    pub(super) fn needs_fork(field: &str, kinds: &str) -> Self {
        Self::validation(format!("TestState supports {field} only for {kinds} states."))
    }

    pub(super) fn mock_not_taken(kind: StateKind) -> Self {
        Self::validation(format!("State type '{}' is not supported when a mock is specified", kind.name()))
    }

    pub(super) fn secrets_of_mock() -> Self {
        Self::validation("TestState does not support RevealSecrets when a mock is specified.")
    }

    pub(super) fn both_in_mock() -> Self {
        Self::validation("A test mock should have only one of the following fields: [result, errorOutput].")
    }

    pub(super) fn nothing_in_mock() -> Self {
        Self::validation("A test mock should have one of the following fields: [result, errorOutput].")
    }

    pub(super) fn mock_no_json() -> Self {
        Self::validation("Mocked result must be valid JSON")
    }

    pub(super) fn mock_no_array() -> Self {
        Self::validation("Mocked result must be an array.")
    }

    pub(super) fn mock_no_object() -> Self {
        Self::validation("Mocked result must be a JSON object.")
    }

    pub(super) fn mock_branches() -> Self {
        Self::validation(
            "Mocked result must contain the same number of items as number of Parallel branches.",
        )
    }

    pub(super) fn mock_shape(message: String) -> Self {
        Self::validation(message)
    }

    pub(super) fn too_many_failures() -> Self {
        Self::validation(
            "Map iteration failure count must be less than or equal to the number of Map iterations",
        )
    }

    pub(super) fn context(why: &str) -> Self {
        Self::validation(format!("Invalid Context object provided: {why}"))
    }

    pub(super) fn context_field(field: &str) -> Self {
        Self::context(&format!("Field '{field}' is not allowed"))
    }

    pub(super) fn context_map() -> Self {
        Self::context("'Map' field is not supported when mocking a Context object")
    }

    pub(super) fn context_task() -> Self {
        Self::context(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
        )
    }

    pub(super) fn context_type(path: &str, expected: &str) -> Self {
        Self::context(&format!("{path} must be {expected}"))
    }
}
