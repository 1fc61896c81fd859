//! Holds a request against the constraints of the model, and reads its members. Knows no action.

use serde_json::{Map, Value};
use shipway_asl::Timestamp;

use super::fault::Fault;

/// What a value must be.
pub enum Shape {
    /// A text of so many characters.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Whether errors must not repeat it.
        is_secret: bool,
    },
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// Lowest.
        min: i64,
        /// Highest.
        max: i64,
    },
    /// Any number.
    Number {
        /// Lowest.
        min: f64,
        /// Highest.
        max: f64,
    },
    /// A list.
    List {
        /// Fewest members.
        min: usize,
        /// Most members.
        max: usize,
        /// What each must be.
        of: &'static Shape,
    },
    /// A structure; members that it does not know are passed over.
    Object(&'static [Member]),
}

/// A member of a structure.
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub is_needed: bool,
    /// What it must be.
    pub shape: &'static Shape,
}

/// A request that has the form of its action.
pub struct Request {
    members: Map<String, Value>,
    now: Timestamp,
}

impl Request {
    /// Checks a body; all that is wrong is told at once, as AWS does.
    pub fn new(body: Value, shape: &Shape) -> Result<Self, Fault> {
        let mut wrong = Vec::new();
        check(&body, shape, "", &mut wrong)?;
        let Value::Object(members) = body else {
            return Err(Fault::serialization("The body is no JSON object"));
        };
        match wrong.len() {
            0 => Ok(Self { members, now: Timestamp::default() }),
            1 => Err(Fault::validation(format!("1 validation error detected: {}", wrong.join("")))),
            many => {
                Err(Fault::validation(format!("{many} validation errors detected: {}", wrong.join("; "))))
            }
        }
    }

    /// The request as it came at this time.
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// When it came.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A member that is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be missing.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A text that the model requires.
    pub fn needed(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A text of one's own.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A flag.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(Value::as_u64)
    }

    /// A list; an empty one if it is missing.
    pub fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// All members.
    pub fn into_value(self) -> Value {
        Value::Object(self.members)
    }

    /// All members but these, as one text: what tells two calls of an action apart.
    pub fn without(&self, names: &[&str]) -> String {
        let mut kept: Vec<_> =
            self.members.iter().filter(|(name, _)| !names.contains(&name.as_str())).collect();
        kept.sort_by_key(|(name, _)| *name);
        kept.iter().map(|(name, value)| format!("{name}={value};")).collect()
    }
}

/// AWS's sentence about one value; `value` is left out where it is a secret.
fn sentence(value: Option<&str>, place: &str, rule: &str) -> String {
    let shown = value.map_or("Value".to_owned(), |value| format!("Value {value}"));
    format!("{shown} at '{place}' failed to satisfy constraint: {rule}")
}

fn check(value: &Value, shape: &Shape, place: &str, wrong: &mut Vec<String>) -> Result<(), Fault> {
    match (shape, value) {
        (Shape::Text { min, max, is_secret }, Value::String(text)) => {
            let quoted = format!("'{text}'");
            let shown = (!is_secret).then_some(quoted.as_str());
            length(text.chars().count(), *min, *max, shown, place, wrong);
        }
        (Shape::Choice(values), Value::String(text)) if !values.contains(&text.as_str()) => {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            wrong.push(sentence(Some(&format!("'{text}'")), place, &rule));
        }
        (Shape::Choice(_), Value::String(_)) | (Shape::Bool, Value::Bool(_)) => {}
        (Shape::Integer { min, max }, Value::Number(number)) => {
            let Some(given) = whole(number) else {
                return Err(type_fault(place, "Integer"));
            };
            range(given, *min, *max, place, wrong);
        }
        (Shape::Number { min, max }, Value::Number(number)) => {
            range(number.as_f64().unwrap_or(f64::NAN), *min, *max, place, wrong);
        }
        (Shape::List { min, max, of }, Value::Array(items)) => {
            let shown = Value::Array(items.clone()).to_string();
            length(items.len(), *min, *max, Some(&format!("'{shown}'")), place, wrong);
            for (index, item) in items.iter().enumerate() {
                check(item, of, &format!("{place}.{}.member", index + 1), wrong)?;
            }
        }
        (Shape::Object(members), Value::Object(fields)) => {
            for member in *members {
                let place = if place.is_empty() {
                    member.name.to_owned()
                } else {
                    format!("{place}.{}", member.name)
                };
                match fields.get(member.name).filter(|value| !value.is_null()) {
                    Some(value) => check(value, member.shape, &place, wrong)?,
                    None if member.is_needed => {
                        wrong.push(sentence(Some("null"), &place, "Member must not be null"));
                    }
                    None => {}
                }
            }
        }
        (Shape::Text { .. } | Shape::Choice(_), _) => return Err(type_fault(place, "String")),
        (Shape::Bool, _) => return Err(type_fault(place, "Boolean")),
        (Shape::Integer { .. } | Shape::Number { .. }, _) => return Err(type_fault(place, "Number")),
        (Shape::List { .. }, _) => return Err(type_fault(place, "List")),
        (Shape::Object(_), _) => return Err(type_fault(place, "Structure")),
    }
    Ok(())
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    let exact = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    number.as_i64().or_else(|| exact.map(|number| number as i64))
}

fn type_fault(place: &str, wanted: &str) -> Fault {
    let place = if place.is_empty() { "the body" } else { place };
    Fault::serialization(format!("The value of {place} cannot be converted to {wanted}"))
}

fn length(given: usize, min: usize, max: usize, shown: Option<&str>, place: &str, wrong: &mut Vec<String>) {
    if given < min {
        let rule = format!("Member must have length greater than or equal to {min}");
        wrong.push(sentence(shown, place, &rule));
    }
    if given > max {
        let rule = format!("Member must have length less than or equal to {max}");
        wrong.push(sentence(shown, place, &rule));
    }
}

fn range<N: PartialOrd + Copy + std::fmt::Display>(
    given: N,
    min: N,
    max: N,
    place: &str,
    wrong: &mut Vec<String>,
) {
    let shown = format!("'{given}'");
    if given < min {
        let rule = format!("Member must have value greater than or equal to {min}");
        wrong.push(sentence(Some(&shown), place, &rule));
    }
    if given > max {
        let rule = format!("Member must have value less than or equal to {max}");
        wrong.push(sentence(Some(&shown), place, &rule));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::states::shapes;

    fn refusal(body: Value, shape: &Shape) -> String {
        let fault = Request::new(body, shape).err().unwrap();
        format!("{}: {}", fault.code, fault.message)
    }

    #[test]
    fn refusals_are_in_awss_words() {
        assert_eq!(
            refusal(json!({"statusFilter": "succeeded"}), &shapes::LIST_EXECUTIONS),
            "ValidationException: 1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"
        );
        assert_eq!(
            refusal(json!({"name": ""}), &shapes::CREATE_STATE_MACHINE_ALIAS),
            "ValidationException: 2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; Value null at 'routingConfiguration' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(
            refusal(json!({"maxResults": 1_001}), &shapes::LIST_ACTIVITIES),
            "ValidationException: 1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        );
    }

    #[test]
    fn secrets_are_not_repeated() {
        let body = json!({"stateMachineArn": "a", "input": "x".repeat(262_145)});
        assert_eq!(
            refusal(body, &shapes::START_EXECUTION),
            "ValidationException: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
        );
    }

    #[test]
    fn what_is_of_another_type_cannot_be_read() {
        for body in [json!([]), json!({"name": 1}), json!({"name": "a", "tags": {}})] {
            let refusal = refusal(body, &shapes::CREATE_ACTIVITY);
            assert!(refusal.starts_with("SerializationException"), "{refusal}");
        }
    }

    #[test]
    fn null_is_missing() {
        let request =
            Request::new(json!({"name": "a", "tags": null}), &shapes::CREATE_ACTIVITY).ok().unwrap();
        assert_eq!((request.needed("name"), request.list("tags").len()), ("a", 0));
    }
}
