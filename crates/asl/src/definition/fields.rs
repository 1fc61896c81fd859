//! Fields that hold paths, templates and amounts. Knows their syntax, not which state has them.

use serde_json::Value;

use super::reader::Reader;
use super::{Amount, Items, QueryLanguage, ResultPath, Selection, Text};
use crate::expression::Expression;
use crate::limits::VARIABLE_NAME_CHARS_MAX;
use crate::path::{Path, Reference, Root};
use crate::template::Template;

impl Reader<'_> {
    /// A path: `$...`, `$$...` or `$name...`.
    pub fn path(&self, field: &str) -> Option<Path> {
        let text = self.string(field)?;
        match Path::parse(&text) {
            Ok(path) if path.root != Root::Current => Some(path),
            Ok(_) => {
                self.wrong(field, "Value is not a valid JSONPath: `@` is for filters");
                None
            }
            Err(error) => {
                self.wrong(field, format!("Value is not a valid JSONPath: {error}"));
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

    /// `Assign`: an object whose names are variables.
    pub fn assign(&self) -> Option<Template> {
        let object = self.object("Assign")?;
        for (name, _) in object.iter() {
            let bare = variable(self.language, name);
            if !is_variable_name(bare) {
                object.wrong(name, format!("'{bare}' is not a variable name: begin with a letter, use letters, digits and `_`, at most {VARIABLE_NAME_CHARS_MAX}"));
            } else if bare == "states" {
                object.wrong(name, "'states' is a reserved variable");
            }
        }
        self.template("Assign")
    }

    /// Where a Map's items come from.
    pub fn items(&self) -> Items {
        match self.language {
            QueryLanguage::JsonPath => self.path("ItemsPath").map_or(Items::Input, Items::Path),
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
        if self.has(field) && self.has(&path) {
            self.wrong_here(format!("You cannot set both {field} and {path} at the same time"));
        }
        if self.has(field) {
            return self.string(field).map(Text::Literal);
        }
        match Expression::parse(&self.string(&path)?) {
            Ok(Expression::Call(call)) if !call.gives_text() => {
                self.wrong(&path, format!("Value is not a function that gives a text: {}", call.text));
                None
            }
            Ok(expression) => Some(Text::Expression(expression)),
            Err(error) => {
                self.wrong(
                    &path,
                    format!("Value is not a valid JSONPath or intrinsic function call: {error}"),
                );
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

/// A Unicode identifier.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().count() <= VARIABLE_NAME_CHARS_MAX
}
