//! What `TestState` answers, field by field as on the wire. Documents are JSON texts.

use serde::{Deserialize, Serialize};

/// How the state did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The state's output, unless it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The data flow, unless the level is INFO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection_data: Option<InspectionData>,
    /// Where it goes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_state: Option<String>,
    /// How it ended.
    pub status: TestStatus,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TestStatus {
    /// The state has an output.
    Succeeded,
    /// Nothing takes the error.
    Failed,
    /// A retrier takes the error.
    Retriable,
    /// A catcher takes the error.
    CaughtError,
}

/// The data flow through the state: a field for each stage that AWS tells of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectionData {
    /// The state's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// After `Arguments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_arguments: Option<String>,
    /// After `InputPath`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_input_path: Option<String>,
    /// After `Parameters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_parameters: Option<String>,
    /// After `ItemBatcher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_item_batcher: Option<String>,
    /// The input of each iteration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_item_selector: Option<String>,
    /// After `ItemsPath`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_items_path: Option<String>,
    /// After `ItemsPointer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_items_pointer: Option<String>,
    /// What the work gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// After `ResultSelector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_result_selector: Option<String>,
    /// After `ResultPath`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_result_path: Option<String>,
    /// What took the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_details: Option<ErrorDetails>,
    /// `MaxConcurrency`; 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// `ToleratedFailureCount`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_count: Option<u64>,
    /// `ToleratedFailurePercentage`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_percentage: Option<f64>,
    /// The variables, with those that the state has set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<String>,
    /// What an HTTP task sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HttpRequest>,
    /// What an HTTP task was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HttpResponse>,
}

/// What took the error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetails {
    /// The catcher's place in `Catch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catch_index: Option<usize>,
    /// The retrier's place in `Retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_index: Option<usize>,
    /// Seconds until the retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_backoff_interval_seconds: Option<u64>,
}

/// What an HTTP task sent. Secrets have been taken out already unless they may be revealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "HTTP's own names")]
pub struct HttpRequest {
    pub protocol: String,
    pub method: String,
    pub url: String,
    pub headers: String,
    pub body: String,
}

/// What an HTTP task was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "HTTP's own names")]
pub struct HttpResponse {
    pub protocol: String,
    pub status_code: String,
    pub status_message: String,
    pub headers: String,
    pub body: String,
}

/// What an HTTP task sent and was answered, for the level TRACE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What it sent.
    pub request: Option<HttpRequest>,
    /// What it was answered.
    pub response: Option<HttpResponse>,
}
