//! Reads objects of a definition field by field and collects what is wrong. Does not know the fields.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::findings::Findings;
use super::{QueryLanguage, language};
use crate::diagnostic::Severity;

/// AWS's text about lists and objects that must not be empty.
pub(super) const EMPTY: &str = "Value cannot be empty";
/// AWS's code of most findings.
pub(super) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";

/// One object of the definition, and where it stands.
pub(super) struct Reader<'d> {
    fields: &'d Map<String, Value>,
    pub pointer: String,
    /// The way here from the state, as messages at run time name it: `Choices[0]/`.
    pub place: String,
    /// What expressions in here are written in.
    pub language: QueryLanguage,
    /// Whether the machine does not allow this language, so that its fields are not held against it too.
    is_mixed: bool,
    pub findings: &'d Findings,
}

impl<'d> Reader<'d> {
    /// The object at `pointer`; anything else is a finding.
    pub fn new(value: &'d Value, pointer: String, findings: &'d Findings) -> Option<Self> {
        match value {
            Value::Object(fields) => {
                let language = QueryLanguage::default();
                Some(Self { fields, pointer, place: String::new(), language, is_mixed: false, findings })
            }
            _ => {
                findings.add(Severity::Error, SCHEMA, pointer, "Expected value of type Object".into());
                None
            }
        }
    }

    /// The same object, read in a query language.
    pub fn in_language(self, language: QueryLanguage) -> Self {
        Self { language, ..self }
    }

    /// The same object, whose language the machine does not allow.
    pub fn mixed(self) -> Self {
        Self { is_mixed: true, ..self }
    }

    /// An object inside of this one.
    fn inside(&self, value: &'d Value, pointer: String, place: String) -> Option<Self> {
        let inside = Self::new(value, pointer, self.findings)?;
        Some(Self { place, language: self.language, is_mixed: self.is_mixed, ..inside })
    }

    pub fn at(&self, field: &str) -> String {
        format!("{}/{}", self.pointer, field.replace('~', "~0").replace('/', "~1"))
    }

    /// A finding about a field.
    pub fn wrong(&self, field: &str, message: impl Into<String>) {
        self.findings.add(Severity::Error, SCHEMA, self.at(field), message.into());
    }

    /// A finding about the object itself.
    pub fn wrong_here(&self, message: impl Into<String>) {
        self.findings.add(Severity::Error, SCHEMA, self.pointer.clone(), message.into());
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    pub fn get(&self, field: &str) -> Option<&'d Value> {
        self.fields.get(field)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'d String, &'d Value)> {
        self.fields.iter()
    }

    /// Reports every field that is not in `known`.
    pub fn only(&self, known: &[&[&str]]) {
        for field in self.fields.keys() {
            if !known.iter().any(|names| names.contains(&field.as_str())) {
                self.wrong_here(format!("Field '{field}' is not supported"));
            } else if let Some(message) = self.refusal(field) {
                self.wrong_here(message);
            }
        }
    }

    /// What is wrong with a field in this object's language, if anything is.
    pub fn refusal(&self, field: &str) -> Option<String> {
        language::refusal(self.language, field).filter(|_| !self.is_mixed)
    }

    /// Reports when more than one of `names` is given.
    pub fn at_most_one(&self, names: &[&str]) {
        if names.iter().filter(|name| self.has(name)).count() > 1 {
            let names = names.join(", ");
            self.wrong_here(format!("There should only be one of the following fields: [{names}]"));
        }
    }

    /// Reports when not exactly one of `names` is given.
    pub fn exactly_one(&self, names: &[&str]) {
        self.at_most_one(names);
        if !names.iter().any(|name| self.has(name)) {
            let names = names.join(", ");
            self.wrong_here(format!("This object should have only one of the following fields: [{names}]"));
        }
    }

    /// Reports a text that is none of `values`; gives the text if it is one of them.
    pub fn one_of(&self, field: &str, values: &[&'static str]) -> Option<&'static str> {
        let text = self.string(field)?;
        let found = values.iter().copied().find(|value| *value == text);
        if found.is_none() {
            let values = values.join(", ");
            self.wrong(field, format!("Value should be one of the following: [{values}]"));
        }
        found
    }

    /// Reports an array without elements.
    pub fn not_empty(&self, field: &str) {
        if self.get(field).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.wrong(field, EMPTY);
        }
    }

    /// Reports those of `names` that are missing, in one finding.
    pub fn required(&self, names: &[&str]) {
        let missing: Vec<&str> = names.iter().copied().filter(|name| !self.has(name)).collect();
        if !missing.is_empty() {
            self.wrong_here(format!("These fields are required: [{}]", missing.join(", ")));
        }
    }

    pub fn string(&self, field: &str) -> Option<String> {
        match self.get(field)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(field, "Expected value of type String");
                None
            }
        }
    }

    pub fn boolean(&self, field: &str) -> Option<bool> {
        let value = self.get(field)?;
        if value.as_bool().is_none() {
            self.wrong(field, "Expected value of type Boolean");
        }
        value.as_bool()
    }

    /// A whole number within `least..=most`.
    pub fn integer(&self, field: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.get(field)?;
        let Some(number) = value.as_i64().or_else(|| whole(value)) else {
            self.wrong(field, "Expected value of type Integer");
            return None;
        };
        let number = u64::try_from(number).ok();
        self.within(field, number.is_none_or(|number| number < least), number > Some(most), least, most);
        number.filter(|number| (least..=most).contains(number))
    }

    /// A number within `least..=most`.
    pub fn number(&self, field: &str, least: f64, most: f64) -> Option<f64> {
        let Some(number) = self.get(field)?.as_f64() else {
            self.wrong(field, "Expected value of type Number");
            return None;
        };
        // WHY: AWS shows bounds of fractions as fractions: `1.0`.
        let (shown_least, shown_most) = (format!("{least:?}"), format!("{most:?}"));
        self.within(field, number < least, number > most, shown_least, shown_most);
        (least..=most).contains(&number).then_some(number)
    }

    fn within(&self, field: &str, below: bool, above: bool, least: impl Display, most: impl Display) {
        if below {
            self.wrong(field, format!("Minimum value is {least}"));
        } else if above {
            self.wrong(field, format!("Maximum value is {most}"));
        }
    }

    pub fn array(&self, field: &str) -> Option<&'d Vec<Value>> {
        match self.get(field)? {
            Value::Array(items) => Some(items),
            _ => {
                self.wrong(field, "Expected value of type Array");
                None
            }
        }
    }

    pub fn object(&self, field: &str) -> Option<Reader<'d>> {
        self.inside(self.get(field)?, self.at(field), format!("{}{field}/", self.place))
    }

    /// The objects of an array.
    pub fn objects(&self, field: &str) -> Vec<Reader<'d>> {
        let at = self.at(field);
        let items = self.array(field).into_iter().flatten().enumerate();
        let inside = |(index, item)| {
            self.inside(item, format!("{at}/{index}"), format!("{}{field}[{index}]/", self.place))
        };
        items.filter_map(inside).collect()
    }
}

/// `5.0` is a whole number too.
#[expect(clippy::cast_possible_truncation, reason = "checked by the guard")]
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}
