//! What `TestState` is asked, field by field as on the wire. Checks nothing.

use serde::{Deserialize, Serialize};

/// A test of one state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// One state, or a whole machine if `state_name` is given.
    pub definition: String,
    /// The state's name in a whole machine; nested ones too.
    pub state_name: Option<String>,
    /// JSON; an empty object if none is given.
    pub input: Option<String>,
    /// Whom a task acts as.
    pub role_arn: Option<String>,
    /// How much is told of the data flow.
    pub inspection_level: InspectionLevel,
    /// Whether an HTTP task's secrets are told too.
    pub reveal_secrets: bool,
    /// JSON object: the variables that are set.
    pub variables: Option<String>,
    /// JSON object: what stands for the context object.
    pub context: Option<String>,
    /// What stands for the state's work.
    pub mock: Option<Mock>,
    /// Where the state stands.
    pub state_configuration: StateConfiguration,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InspectionLevel {
    /// The outcome.
    #[default]
    Info,
    /// The data flow too.
    Debug,
    /// The requests and answers of HTTP tasks too.
    Trace,
}

/// A result or an error that stands for the state's work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mock {
    /// JSON.
    pub result: Option<String>,
    /// The error that the work ends in.
    pub error_output: Option<ErrorOutput>,
    /// How closely `result` must fit what the service answers.
    pub field_validation_mode: FieldValidationMode,
}

/// An error that stands for the state's work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorOutput {
    /// Its name.
    pub error: Option<String>,
    /// What happened.
    pub cause: Option<String>,
}

/// How closely a mocked result must fit what the service answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FieldValidationMode {
    /// What is there has the right type, and what is required is there.
    #[default]
    Strict,
    /// What is there has the right type.
    Present,
    /// Any JSON will do.
    None,
}

/// Where the state stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateConfiguration {
    /// How often the retrier that takes the mocked error has retried already.
    pub retrier_retry_count: Option<u32>,
    /// The state within a Map or Parallel that the mocked error comes from.
    pub error_caused_by_state: Option<String>,
    /// How many iterations of the Map have failed.
    pub map_iteration_failure_count: Option<u64>,
    /// What the Map's `ItemReader` reads, as it stands at its source.
    pub map_item_reader_data: Option<String>,
}
