//! Reads the rules of Choice states.

use serde_json::Value;

use super::reader::Reader;
use super::{QueryLanguage, Rule, Test, language};
use crate::choice::{Condition, IS, Operand, Operator};
use crate::limits::NESTING_MAX;

/// The rules of `Choices`.
pub(super) fn rules(state: &Reader<'_>) -> Vec<Rule> {
    if state.array("Choices").is_some_and(Vec::is_empty) {
        state.wrong("Choices", "At least one rule is required");
    }
    state.objects("Choices").iter().filter_map(rule).collect()
}

fn rule(reader: &Reader<'_>) -> Option<Rule> {
    reader.required(&["Next"]);
    if reader.language == QueryLanguage::Jsonata {
        return query_rule(reader);
    }
    let condition = condition(reader, &["Next", "Assign", "Comment"], 0);
    let (assign, next) = (reader.assign(), reader.string("Next")?);
    Some(Rule { test: Test::Comparison(condition?), next, assign, output: None })
}

fn query_rule(reader: &Reader<'_>) -> Option<Rule> {
    reader.only(&[&["Condition", "Next", "Assign", "Output", "Comment"], &["Variable"]]);
    reader.required(&["Condition"]);
    let test = match reader.get("Condition") {
        Some(Value::Bool(truth)) => Some(Test::Literal(*truth)),
        _ => reader.expression("Condition").map(Test::Jsonata),
    };
    let (assign, output) = (reader.assign(), reader.template("Output"));
    Some(Rule { test: test?, next: reader.string("Next")?, assign, output })
}

fn condition(reader: &Reader<'_>, extra: &[&str], depth: usize) -> Option<Condition> {
    if depth > NESTING_MAX {
        reader.wrong_here("The condition is nested too deep");
        return None;
    }
    let names: Vec<&str> = reader.iter().map(|(name, _)| name.as_str()).collect();
    let operators: Vec<&str> =
        names.iter().copied().filter(|name| !extra.contains(name) && *name != "Variable").collect();
    let [operator] = operators.as_slice() else {
        reader.wrong_here(format!(
            "A rule needs exactly one comparison operator, And, Or or Not; found [{}]",
            operators.join(", ")
        ));
        return None;
    };
    let nested = |inner: &Reader<'_>| condition(inner, &["Comment"], depth + 1);
    match *operator {
        "And" | "Or" => {
            let parts: Vec<Condition> = reader.objects(operator).iter().filter_map(nested).collect();
            if reader.array(operator).is_some_and(Vec::is_empty) {
                reader.wrong(operator, "At least one rule is required");
            }
            Some(if *operator == "And" { Condition::And(parts) } else { Condition::Or(parts) })
        }
        "Not" => nested(&reader.object("Not")?).map(|inner| Condition::Not(Box::new(inner))),
        _ => comparison(reader, operator),
    }
}

fn comparison(reader: &Reader<'_>, field: &str) -> Option<Condition> {
    if let Some((_, what)) = IS.iter().find(|(name, _)| *name == field) {
        reader.required(&["Variable"]);
        let (variable, expected) = (reader.path("Variable"), reader.boolean(field));
        return Some(Condition::Is { variable: variable?, what: *what, expected: expected? });
    }
    let Some((operator, by_path)) = Operator::parse(field) else {
        if let Some(message) = language::refusal(reader.language, field) {
            reader.wrong_here(message);
            return None;
        }
        reader.wrong(field, format!("Field '{field}' is not supported"));
        return None;
    };
    reader.required(&["Variable"]);
    let operand = if by_path {
        reader.path(field).map(Operand::Path)
    } else {
        let value = reader.get(field)?;
        if !operator.takes(value) {
            reader.wrong(field, format!("The value does not have the type that {field} compares"));
        }
        Some(Operand::Literal(value.clone()))
    };
    Some(Condition::Compare { variable: reader.path("Variable")?, operator, operand: operand? })
}
