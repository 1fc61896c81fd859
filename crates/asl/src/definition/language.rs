//! Query languages: which one a part of a definition is written in, and which fields belong to which.

use serde_json::Value;

use super::QueryLanguage;
use super::reader::Reader;

/// Fields that only states in JSONPath have.
const JSON_PATH: &[&str] = &[
    "CausePath",
    "ErrorPath",
    "HeartbeatSecondsPath",
    "InputPath",
    "ItemsPath",
    "MaxConcurrencyPath",
    "MaxInputBytesPerBatchPath",
    "MaxItemsPath",
    "MaxItemsPerBatchPath",
    "OutputPath",
    "Parameters",
    "Result",
    "ResultPath",
    "ResultSelector",
    "SecondsPath",
    "TimeoutSecondsPath",
    "TimestampPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "Variable",
];

/// Fields that only states in JSONata have.
const JSONATA: &[&str] = &["Arguments", "Condition", "Items", "Output"];

impl QueryLanguage {
    /// `QueryLanguage` in a definition.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        }
    }
}

/// What is wrong with a field in a state of this language, if anything is.
pub(super) fn refusal(language: QueryLanguage, field: &str) -> Option<String> {
    let (of, others) = match language {
        QueryLanguage::JsonPath => (QueryLanguage::Jsonata, JSONATA),
        QueryLanguage::Jsonata => (QueryLanguage::JsonPath, JSON_PATH),
    };
    others.contains(&field).then(|| {
        format!(
            "The QueryLanguage is set to '{}', but field '{field}' is only supported for the '{}' QueryLanguage",
            language.name(),
            of.name()
        )
    })
}

impl Reader<'_> {
    /// The language that this object asks for; `outer` if it does not say.
    pub fn query_language(&self, outer: QueryLanguage) -> QueryLanguage {
        match self.get("QueryLanguage") {
            None => return outer,
            Some(Value::String(name)) if name == "JSONPath" => return QueryLanguage::JsonPath,
            Some(Value::String(name)) if name == "JSONata" => {}
            Some(Value::String(_)) => {
                self.wrong("QueryLanguage", "Value should be one of the following: [JSONPath, JSONata]");
            }
            Some(_) => self.wrong("QueryLanguage", "Expected value of type [STRING]"),
        }
        // WHY: AWS reads whatever is not exactly JSONPath as JSONata, and reports the value beside that.
        QueryLanguage::Jsonata
    }
}
