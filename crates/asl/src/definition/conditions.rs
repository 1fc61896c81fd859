//! Reads the rules of Choice states.

use serde_json::Value;

use super::reader::Reader;
use super::{QueryLanguage, Rule, Test};
use crate::choice::{Condition, IS, OPERATORS, Operand, Operator, Type};
use crate::limits::NESTING_MAX;

/// The rules of `Choices`.
pub(super) fn rules(state: &Reader<'_>) -> Vec<Rule> {
    state.not_empty("Choices");
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
    let found = operators(reader, extra);
    if let Some(message) = found.iter().find_map(|field| reader.refusal(field)) {
        reader.wrong_here(message);
        return None;
    }
    if !is_one_question(reader, &found) {
        return None;
    }
    let operator = found.first()?;
    let nested = |inner: &Reader<'_>| condition(inner, &["Comment"], depth + 1);
    match *operator {
        "And" | "Or" => {
            let parts: Vec<Condition> = reader.objects(operator).iter().filter_map(nested).collect();
            reader.not_empty(operator);
            Some(if *operator == "And" { Condition::And(parts) } else { Condition::Or(parts) })
        }
        "Not" => nested(&reader.object("Not")?).map(|inner| Condition::Not(Box::new(inner))),
        _ => comparison(reader, operator),
    }
}

/// The fields of a rule that are neither the variable nor what belongs to every rule.
fn operators<'d>(reader: &Reader<'d>, extra: &[&str]) -> Vec<&'d str> {
    let names = reader.iter().map(|(name, _)| name.as_str());
    names.filter(|name| !extra.contains(name) && *name != "Variable").collect()
}

fn is_joint(name: &str) -> bool {
    matches!(name, "And" | "Or" | "Not" | "Condition")
}

/// Whether a rule says in one way what it asks for; reported if not.
fn is_one_question(reader: &Reader<'_>, found: &[&str]) -> bool {
    let joints = found.iter().filter(|name| is_joint(name)).count();
    if joints + usize::from(reader.has("Variable")) != 1 {
        reader.wrong_here(
            "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
        );
        return false;
    }
    let is_operator =
        |name: &str| Operator::parse(name).is_some() || IS.iter().any(|(known, _)| *known == name);
    let unknown: Vec<&str> =
        found.iter().copied().filter(|name| !is_joint(name) && !is_operator(name)).collect();
    for name in &unknown {
        reader.wrong_here(format!("Field '{name}' is not supported"));
    }
    if unknown.is_empty() && found.len() != 1 {
        let what =
            if found.is_empty() { "This object should have only one" } else { "There should only be one" };
        let names = comparators().join(", ");
        reader.wrong_here(format!("{what} of the following fields: [{names}]"));
    }
    unknown.is_empty() && found.len() == 1
}

/// Every comparison operator by name.
fn comparators() -> Vec<String> {
    let plain = OPERATORS.iter().flat_map(|operator| {
        let by_path = (operator.name != "StringMatches").then(|| format!("{}Path", operator.name));
        std::iter::once(operator.name.to_owned()).chain(by_path)
    });
    plain.chain(IS.iter().map(|(name, _)| (*name).to_owned())).collect()
}

fn comparison(reader: &Reader<'_>, field: &str) -> Option<Condition> {
    if let Some((_, what)) = IS.iter().find(|(name, _)| *name == field) {
        let (variable, expected) = (reader.operand("Variable"), reader.boolean(field));
        return Some(Condition::Is { variable: variable?, what: *what, expected: expected? });
    }
    let (operator, by_path) = Operator::parse(field)?;
    let operand = if by_path {
        reader.operand(field).map(Operand::Path)
    } else {
        let value = reader.get(field)?;
        if !operator.takes(value) {
            reader.wrong(field, expectation(operator.of));
        }
        Some(Operand::Literal(value.clone()))
    };
    Some(Condition::Compare { variable: reader.operand("Variable")?, operator, operand: operand? })
}

fn expectation(operand: Type) -> &'static str {
    match operand {
        Type::Boolean => "Expected value of type Boolean",
        Type::Numeric => "Expected value of type Number",
        Type::String => "Expected value of type String",
        Type::Timestamp => "String does not match RFC3339 timestamp",
    }
}
