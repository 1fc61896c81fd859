//! Judges a mocked result of a Task against the API model of the service, as Step Functions' TestState does.
//! Does not parse the mock and does not know the state around it.

mod model;
mod value;

use serde_json::Value;

/// How strictly a mocked result is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FieldValidationMode {
    /// Required fields must be there, and fields that are there must fit the model.
    #[default]
    Strict,
    /// Fields that are there must fit the model.
    Present,
    /// Nothing is judged.
    None,
}

impl FieldValidationMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Present, Self::None];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Present => "PRESENT",
            Self::None => "NONE",
        }
    }

    /// The mode that the API writes so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Judges the mocked result of a Task with that `Resource`; the error is the sentence that AWS answers with.
///
/// What has no model passes: functions and activities by ARN, tasks that wait for a token, and integrations that
/// Step Functions made up itself, such as `http:invoke`.
///
/// # Errors
/// The first field that does not fit.
///
/// ```
/// use serde_json::json;
/// use shipway_aws::mock::{FieldValidationMode, validate};
///
/// let resource = "arn:aws:states:::aws-sdk:kms:encrypt";
/// let judged = validate(resource, &json!({"CiphertextBlob": 123}), FieldValidationMode::Strict);
/// let sentence = "Mock result schema validation error: Field 'CiphertextBlob' must be a string";
/// assert_eq!(judged, Err(sentence.to_owned()));
/// ```
pub fn validate(resource: &str, result: &Value, mode: FieldValidationMode) -> Result<(), String> {
    let is_strict = match mode {
        FieldValidationMode::Strict => true,
        FieldValidationMode::Present => false,
        FieldValidationMode::None => return Ok(()),
    };
    match model::of(resource) {
        Some(model) => value::judge(&model, result, is_strict),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
