//! Reads fields written in JSONata: expressions between `{%` and `%}`, alone or inside of other JSON.

use serde_json::Value;

use super::reader::{Reader, SCHEMA};
use super::{Amount, QueryLanguage, StateKind, Text};
use crate::diagnostic::Severity;
use crate::jsonata::{Expression, Sees};
use crate::template::{Query, Template};

/// AWS's code for an expression that is no JSONata.
const INVALID: &str = "INVALID_JSONATA_EXPRESSION";
/// AWS's code for an expression that names what is not there.
const UNSUPPORTED: &str = "UNSUPPORTED_JSONATA_EXPRESSION";

impl Reader<'_> {
    /// Whether the field is read as an expression.
    pub fn is_expression(&self, field: &str) -> bool {
        self.language == QueryLanguage::Jsonata && self.get(field).is_some_and(Value::is_string)
    }

    /// Whether the field is an expression where a text may stand too.
    pub fn is_delimited(&self, field: &str) -> bool {
        let text = self.get(field).and_then(Value::as_str).unwrap_or_default();
        self.is_expression(field) && is_delimited(text)
    }

    /// A field that is one expression.
    pub fn expression(&self, field: &str) -> Option<Expression> {
        let text = self.string(field)?;
        match self.query(&text, &self.at(field), self.sees(field)) {
            Query::Expression(expression) => Some(expression),
            Query::Broken => None,
            Query::Text => {
                self.wrong(field, DELIMITERS);
                None
            }
        }
    }

    /// A field of JSON in which any text may be an expression.
    pub fn query_template(&self, field: &str) -> Option<Template> {
        let (at, sees) = (self.at(field), self.sees(field));
        let place = format!("{}{field}", self.place);
        let mut parse = |below: &str, text: &str| self.query(text, &format!("{at}{below}"), sees);
        Some(Template::parse_query(self.get(field)?, &place, &mut parse))
    }

    /// A number, or an expression that gives one.
    pub fn number_or_expression(&self, field: &str, least: f64, most: f64) -> Option<Amount> {
        if self.is_expression(field) {
            return self.expression(field).map(Amount::Jsonata);
        }
        self.number(field, least, most).map(Amount::Literal)
    }

    /// A text, or an expression that gives one.
    pub fn text_or_expression(&self, field: &str) -> Option<Text> {
        let text = self.string(field)?;
        match self.query(&text, &self.at(field), self.sees(field)) {
            Query::Expression(expression) => Some(Text::Jsonata(expression)),
            Query::Text => Some(Text::Literal(text)),
            Query::Broken => None,
        }
    }

    /// What a text is, after every finding about it has been reported.
    fn query(&self, text: &str, at: &str, sees: Sees) -> Query {
        let add = |code: &str, message: String| {
            self.findings.add(Severity::Error, code, at.to_owned(), message);
        };
        let Some(inner) = Expression::delimited(text) else {
            if is_delimited(text) {
                add(SCHEMA, DELIMITERS.to_owned());
                return Query::Broken;
            }
            return Query::Text;
        };
        match Expression::parse(inner) {
            Ok(expression) => {
                expression.unsupported(sees).into_iter().for_each(|message| add(UNSUPPORTED, message));
                Query::Expression(expression)
            }
            Err(message) => {
                add(INVALID, without_code(&message).to_owned());
                Query::Broken
            }
        }
    }

    /// What an expression in this field can see beside the input and the context.
    fn sees(&self, field: &str) -> Sees {
        let kind = self.get("Type").and_then(Value::as_str);
        let works = [StateKind::Task, StateKind::Parallel, StateKind::Map];
        let is_leaving = matches!(field, "Output" | "Assign");
        Sees {
            result: is_leaving && self.place.is_empty() && works.iter().any(|work| Some(work.name()) == kind),
            error_output: is_leaving && self.place.starts_with("Catch["),
        }
    }
}

const DELIMITERS: &str = "JSONata string must start with {% and end with %}";

/// Whether a text is meant as an expression.
fn is_delimited(text: &str) -> bool {
    text.starts_with("{%") || text.ends_with("%}")
}

/// AWS shows the parser's message without JSONata's code: `S0207: Unexpected end of expression`.
fn without_code(message: &str) -> &str {
    match message.split_once(": ") {
        Some((code, rest)) if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            rest
        }
        _ => message,
    }
}
