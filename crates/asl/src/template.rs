//! Payload templates: JSON in which fields that end in `.$` are expressions.

use serde_json::{Map, Value};

use crate::expression::{Env, Expression, Fault};
use crate::jsonata;
use crate::path::{Path, Root, Segment};

/// A payload template, parsed once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Template {
    /// Nothing in it is evaluated.
    Constant(Value),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
    /// The value of a field that ends in `.$`; the field's name is for messages.
    Dynamic {
        field: String,
        expression: Expression,
    },
    /// A text of the form `{% ... %}`; the field's path is for messages.
    Jsonata {
        field: String,
        expression: jsonata::Expression,
    },
}

/// What a text in a template of JSONata is.
pub(crate) enum Query {
    Expression(jsonata::Expression),
    /// A text and no more.
    Text,
    /// What was meant as an expression and is none; it has been reported.
    Broken,
}

impl Template {
    /// Parses a template. `report` is told the pointer below the template and what is wrong there.
    pub fn parse(value: &Value, report: &mut dyn FnMut(&str, String)) -> Self {
        parse(value, "", report)
    }

    /// Parses JSON in which texts may be expressions. `place` names the field in messages; `parse` is told
    /// the way below it, such as `/list[0]`, and decides what a text is.
    pub fn parse_query(value: &Value, place: &str, parse: &mut dyn FnMut(&str, &str) -> Query) -> Self {
        parse_query(value, place, "", parse)
    }

    /// The JSON that it stands for.
    pub fn evaluate(&self, env: &Env<'_>) -> Result<Value, Fault> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Object(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for (name, template) in fields {
                    object.insert(name.clone(), template.evaluate(env)?);
                }
                Ok(Value::Object(object))
            }
            Self::Array(items) => items.iter().map(|item| item.evaluate(env)).collect(),
            Self::Dynamic { field, expression } => match expression.evaluate(env) {
                Err(fault) if is_past_the_end(expression, &fault) => Ok(Value::Null),
                Err(fault) => Err(in_document(fault, field, expression, env)),
                value => value,
            },
            Self::Jsonata { field, expression } => expression.evaluate(env, field),
        }
    }

    /// The fault of a value that the field cannot take.
    pub fn unexpected(&self, field: &str, expected: &str, value: &Value) -> Fault {
        match self {
            Self::Jsonata { expression, .. } => expression.unexpected(field, expected, value),
            _ => Fault::runtime(format!("The {field} field must be of type {expected} but was: {value}")),
        }
    }
}

/// Whether a path has found an array that ends before the element that it names last. AWS gives `null` for that.
fn is_past_the_end(expression: &Expression, fault: &Fault) -> bool {
    let (Expression::Path(path), Fault::Missing { why, .. }) = (expression, fault) else { return false };
    matches!(path.segments.last(), Some(Segment::Index(_)))
        && why.strip_prefix("No results for path: ") == Some(path.normal(path.segments.len()).as_str())
}

/// Names the field, and shows the document that was searched: the context object for `$$`.
fn in_document(fault: Fault, field: &str, expression: &Expression, env: &Env<'_>) -> Fault {
    match expression {
        Expression::Path(path) if path.root == Root::Context => {
            let whole = Path { text: "$$".into(), root: Root::Context, segments: Vec::new() };
            in_field(fault, field, &env.names.context(&whole))
        }
        _ => in_field(fault, field, env.input),
    }
}

/// Names the field in the words that AWS uses.
pub(crate) fn in_field(fault: Fault, field: &str, input: &Value) -> Fault {
    match fault {
        Fault::Missing { path, .. } => Fault::runtime(format!(
            "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
        )),
        other => other,
    }
}

fn parse(value: &Value, pointer: &str, report: &mut dyn FnMut(&str, String)) -> Template {
    match value {
        Value::Object(fields) => parse_object(fields, pointer, report),
        Value::Array(items) => {
            let items: Vec<Template> = items
                .iter()
                .enumerate()
                .map(|(index, item)| parse(item, &format!("{pointer}/{index}"), report))
                .collect();
            let constant = items.iter().all(|item| matches!(item, Template::Constant(_)));
            if constant { Template::Constant(value.clone()) } else { Template::Array(items) }
        }
        _ => Template::Constant(value.clone()),
    }
}

fn parse_object(
    fields: &Map<String, Value>,
    pointer: &str,
    report: &mut dyn FnMut(&str, String),
) -> Template {
    let mut parsed = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let (name, template) = match name.strip_suffix(".$") {
            Some(bare) => (bare, parse_dynamic(name, value, &below, report)),
            None => (name.as_str(), parse(value, &below, report)),
        };
        if parsed.iter().any(|(other, _)| other == name) {
            report(&below, format!("the field `{name}` is given twice, with and without `.$`"));
        }
        parsed.push((name.to_owned(), template));
    }
    if parsed.iter().all(|(_, template)| matches!(template, Template::Constant(_))) {
        return Template::Constant(Value::Object(fields.clone()));
    }
    Template::Object(parsed)
}

fn parse_query(
    value: &Value,
    place: &str,
    below: &str,
    parse: &mut dyn FnMut(&str, &str) -> Query,
) -> Template {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                (name.clone(), parse_query(value, place, &format!("{below}/{name}"), parse))
            });
            let fields: Vec<(String, Template)> = fields.collect();
            let is_constant = fields.iter().all(|(_, field)| matches!(field, Template::Constant(_)));
            if is_constant { Template::Constant(value.clone()) } else { Template::Object(fields) }
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items: Vec<Template> = items
                .map(|(index, item)| parse_query(item, place, &format!("{below}[{index}]"), parse))
                .collect();
            let is_constant = items.iter().all(|item| matches!(item, Template::Constant(_)));
            if is_constant { Template::Constant(value.clone()) } else { Template::Array(items) }
        }
        Value::String(text) => match parse(below, text) {
            Query::Expression(expression) => {
                Template::Jsonata { field: format!("{place}{below}"), expression }
            }
            Query::Text | Query::Broken => Template::Constant(value.clone()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Template::Constant(value.clone()),
    }
}

fn parse_dynamic(
    field: &str,
    value: &Value,
    pointer: &str,
    report: &mut dyn FnMut(&str, String),
) -> Template {
    let Some(text) = value.as_str() else {
        report(
            pointer,
            format!(
                "The value for the field '{field}' must be a STRING that contains a JSONPath or intrinsic function expression"
            ),
        );
        return Template::Constant(Value::Null);
    };
    match Expression::parse(text) {
        Ok(expression) => Template::Dynamic { field: field.to_owned(), expression },
        Err(_) => {
            report(
                pointer,
                format!(
                    "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
                ),
            );
            Template::Constant(Value::Null)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expression::Names;
    use crate::timestamp::Timestamp;

    struct Bare;

    impl Names for Bare {
        fn context(&self, _path: &Path) -> Value {
            json!({"Execution": {"Id": "arn"}})
        }
        fn variable(&self, name: &str) -> Option<&Value> {
            (name == "v").then_some(&Value::Bool(true))
        }
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn entropy(&self) -> u64 {
            7
        }
    }

    #[test]
    fn dynamic_fields_lose_their_suffix_and_the_rest_stays() {
        let template = json!({"a.$": "$.x", "b": {"c": [{"d.$": "$$.Execution.Id"}, 1]}, "e.$": "$v"});
        let template = Template::parse(&template, &mut |at, message| panic!("{at} {message}"));
        let value = template.evaluate(&Env::new(&json!({"x": 2}), &Bare));
        assert_eq!(value, Ok(json!({"a": 2, "b": {"c": [{"d": "arn"}, 1]}, "e": true})));
    }

    #[test]
    fn an_element_past_the_end_is_null_and_nothing_else_is() {
        let evaluate = |path: &str| {
            let template =
                Template::parse(&json!({"a.$": path}), &mut |at, message| panic!("{at} {message}"));
            template.evaluate(&Env::new(&json!({"x": [1], "y": {}, "n": null}), &Bare))
        };
        for path in ["$.x[1]", "$.x[-2]", "$['x'][9]"] {
            assert_eq!(evaluate(path), Ok(json!({"a": null})), "{path}");
        }
        for path in ["$.x[1].z", "$.x[1][0]", "$.y[0]", "$.z[0]", "$.n[0]", "$.y.z"] {
            let message = format!(
                "The JSONPath '{path}' specified for the field 'a.$' could not be found in the input '{{\"x\":[1],\"y\":{{}},\"n\":null}}'"
            );
            assert_eq!(evaluate(path), Err(Fault::runtime(message)));
        }
        let message = "The JSONPath '$$.Nope' specified for the field 'a.$' could not be found in the input '{\"Execution\":{\"Id\":\"arn\"}}'";
        assert_eq!(evaluate("$$.Nope"), Err(Fault::runtime(message)));
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let mut found = Vec::new();
        let template = json!({"a.$": 1, "b": [{"c.$": "nope"}], "d": 1, "d.$": "$"});
        Template::parse(&template, &mut |at, _| found.push(at.to_owned()));
        assert_eq!(found, ["/a.$", "/b/0/c.$", "/d.$"]);
    }
}
