//! Reads objects of a definition field by field and collects what is wrong. Does not know the fields.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::{QueryLanguage, language};
use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::DIAGNOSTICS_MAX;

/// AWS's code of most findings.
pub(super) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";
/// AWS's code of findings about transitions.
pub(super) const TARGET: &str = "MISSING_TRANSITION_TARGET";

/// Everything found so far.
#[derive(Default)]
pub(super) struct Findings(RefCell<Vec<Diagnostic>>);

impl Findings {
    pub fn add(&self, severity: Severity, code: &str, location: String, message: String) {
        let mut found = self.0.borrow_mut();
        if found.len() < DIAGNOSTICS_MAX {
            let location = if location.is_empty() { "/".to_owned() } else { location };
            found.push(Diagnostic { severity, code: code.to_owned(), message, location });
        }
    }

    pub fn into_inner(self) -> Vec<Diagnostic> {
        self.0.into_inner()
    }
}

/// One object of the definition, and where it stands.
pub(super) struct Reader<'d> {
    fields: &'d Map<String, Value>,
    pub pointer: String,
    /// The way here from the state, as messages at run time name it: `Choices[0]/`.
    pub place: String,
    /// What expressions in here are written in.
    pub language: QueryLanguage,
    pub findings: &'d Findings,
}

impl<'d> Reader<'d> {
    /// The object at `pointer`; anything else is a finding.
    pub fn new(value: &'d Value, pointer: String, findings: &'d Findings) -> Option<Self> {
        match value {
            Value::Object(fields) => {
                let language = QueryLanguage::default();
                Some(Self { fields, pointer, place: String::new(), language, findings })
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

    /// An object inside of this one.
    fn inside(&self, value: &'d Value, pointer: String, place: String) -> Option<Self> {
        let inside = Self::new(value, pointer, self.findings)?;
        Some(Self { place, language: self.language, ..inside })
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
                self.wrong(field, format!("Field '{field}' is not supported"));
            } else if let Some(message) = language::refusal(self.language, field) {
                self.wrong_here(message);
            }
        }
    }

    /// Reports when more than one of `names` is given.
    pub fn at_most_one(&self, names: &[&str]) {
        let given: Vec<&str> = names.iter().copied().filter(|name| self.has(name)).collect();
        if given.len() > 1 {
            self.wrong_here(format!("Only one of these fields may be given: [{}]", given.join(", ")));
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
        match u64::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                self.wrong(field, format!("The value must be between {least} and {most}"));
                None
            }
        }
    }

    /// A number within `least..=most`.
    pub fn number(&self, field: &str, least: f64, most: f64) -> Option<f64> {
        let Some(number) = self.get(field)?.as_f64() else {
            self.wrong(field, "Expected value of type Number");
            return None;
        };
        if !(least..=most).contains(&number) {
            self.wrong(field, format!("The value must be between {least} and {most}"));
            return None;
        }
        Some(number)
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
