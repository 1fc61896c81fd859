//! Fields that hold paths, templates and amounts. Knows their syntax, not which state has them.

use serde_json::Value;

use super::reader::Reader;
use super::{Amount, Items, QueryLanguage, ResultPath, Selection, Text};
use crate::expression::Expression;
use crate::path::{Path, Reference, Root};
use crate::template::Template;

impl Reader<'_> {
    /// A path: `$...`, `$$...` or `$name...`.
    pub fn path(&self, field: &str) -> Option<Path> {
        let text = self.string(field)?;
        match Path::parse(&text) {
            Ok(path) if path.root != Root::Current => Some(path),
            _ => {
                self.wrong(field, "Value must be a valid JSONPath.");
                None
            }
        }
    }

    /// A path that names at most one value.
    pub fn reference(&self, field: &str) -> Option<Path> {
        let path = self.path(field)?;
        if !path.is_definite() {
            self.wrong(field, format!("Value is not a Reference Path: {path}"));
        }
        Some(path)
    }

    /// Reports a path into the context object.
    pub fn not_of_context(&self, field: &str) {
        if let Some(path) = self.get(field).and_then(Value::as_str).filter(|path| path.starts_with("$$")) {
            self.wrong(field, format!("Value is not a Reference Path: {path}"));
        }
    }

    /// A path in a rule of a Choice.
    pub fn operand(&self, field: &str) -> Option<Path> {
        if self.get(field)?.as_str().is_some_and(|text| !text.starts_with('$')) {
            self.wrong(field, "Value is not a Reference Path: Reference path didn't start with '$'");
            return None;
        }
        self.reference(field)
    }

    /// `InputPath` or `OutputPath`.
    pub fn selection(&self, field: &str) -> Selection {
        match self.get(field) {
            None => Selection::Whole,
            Some(Value::Null) => Selection::Nothing,
            Some(_) => match self.path(field) {
                Some(path) if path.root == Root::Input && path.segments.is_empty() => Selection::Whole,
                Some(path) => Selection::Path(path),
                None => Selection::Whole,
            },
        }
    }

    pub fn result_path(&self, field: &str) -> ResultPath {
        if self.get(field) == Some(&Value::Null) {
            return ResultPath::Discard;
        }
        let Some(path) = self.path(field) else { return ResultPath::Replace };
        if path.root == Root::Input && path.segments.is_empty() {
            return ResultPath::Replace;
        }
        match Reference::new(path) {
            Ok(reference) => ResultPath::At(reference),
            Err(message) => {
                self.wrong(field, format!("Value is not a Reference Path: {message}"));
                ResultPath::Replace
            }
        }
    }

    /// A payload template of any JSON, in the reader's language.
    pub fn template(&self, field: &str) -> Option<Template> {
        if self.language == QueryLanguage::Jsonata {
            return self.query_template(field);
        }
        let at = self.at(field);
        let mut report = |below: &str, message: String| {
            self.findings.add(crate::Severity::Error, super::reader::SCHEMA, format!("{at}{below}"), message);
        };
        Some(Template::parse(self.get(field)?, &mut report))
    }

    /// A payload template that must be an object, or in JSONata an expression that may give one.
    pub fn object_template(&self, field: &str) -> Option<Template> {
        if !self.get(field)?.is_object() && !self.is_expression(field) {
            self.wrong(field, "Expected value of type Object");
            return None;
        }
        self.template(field)
    }

    /// `Assign`: an object. Its names are checked with all others.
    pub fn assign(&self) -> Option<Template> {
        self.object("Assign")?;
        self.template("Assign")
    }

    /// Where a Map's items come from.
    pub fn items(&self) -> Items {
        match self.language {
            QueryLanguage::JsonPath => self.reference("ItemsPath").map_or(Items::Input, Items::Path),
            QueryLanguage::Jsonata => {
                if self.get("Items").is_some_and(|items| !items.is_array()) && !self.is_expression("Items") {
                    self.wrong("Items", "Expected value of type Array");
                }
                self.template("Items").map_or(Items::Input, Items::Template)
            }
        }
    }

    /// A whole number in `field`, an expression there, or a path in `field` + `Path`.
    pub fn amount(&self, field: &str, least: u64, most: u64) -> Option<Amount> {
        if self.is_expression(field) {
            return self.expression(field).map(Amount::Jsonata);
        }
        let path = format!("{field}Path");
        self.at_most_one(&[field, &path]);
        #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53")]
        let literal = self.integer(field, least, most).map(|number| Amount::Literal(number as f64));
        literal.or_else(|| self.reference(&path).map(Amount::Path))
    }

    /// A text in `field`, or an expression there or in `field` + `Path`.
    pub fn text(&self, field: &str) -> Option<Text> {
        if self.is_expression(field) {
            return self.text_or_expression(field);
        }
        let path = format!("{field}Path");
        self.at_most_one(&[field, &path]);
        if self.has(field) {
            return self.string(field).map(Text::Literal);
        }
        match Expression::parse(&self.string(&path)?) {
            Ok(Expression::Call(call)) if !call.gives_text() => {
                self.wrong(&path, format!("Value is not a function that gives a text: {}", call.text));
                None
            }
            Ok(expression) => Some(Text::Expression(expression)),
            Err(_) => {
                self.wrong(&path, "Value must be a valid JSONPath or a valid intrinsic function call");
                None
            }
        }
    }
}

/// The variable that a name in `Assign` stands for.
pub(super) fn variable(language: QueryLanguage, name: &str) -> &str {
    match language {
        QueryLanguage::JsonPath => name.strip_suffix(".$").unwrap_or(name),
        QueryLanguage::Jsonata => name,
    }
}
