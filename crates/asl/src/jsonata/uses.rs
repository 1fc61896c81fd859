//! What an expression looks at: which names, and which fields of what they hold.
//! Errs on the side of too much: a field that is not sure to be unused is converted.

use std::collections::BTreeMap;

use jsonata_core::ast::{AstNode, PathStep, Stage};
use jsonata_core::value::with_stack;

/// How much of a value is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// These fields of an object, or of each object of an array.
    Fields(BTreeMap<String, Need>),
    /// Everything.
    All,
}

impl Need {
    /// How much of one field is looked at.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Fields(fields) => fields.get(name),
            Self::All => Some(&Self::All),
        }
    }

    fn add(&mut self, path: &[&str]) {
        let Self::Fields(fields) = self else { return };
        match path {
            [] => *self = Self::All,
            [first, rest @ ..] => {
                let field = fields.entry((*first).to_owned());
                field.or_insert_with(|| Self::Fields(BTreeMap::new())).add(rest);
            }
        }
    }
}

/// The names that an expression uses, as variables or as functions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uses(Need);

impl Uses {
    /// What a parsed expression uses.
    pub fn of(tree: &AstNode) -> Self {
        let mut uses = Self(Need::Fields(BTreeMap::new()));
        uses.node(tree);
        uses
    }

    /// Every name, and how much of its value.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Need)> {
        let fields = match &self.0 {
            Need::Fields(fields) => Some(fields),
            Need::All => None,
        };
        fields.into_iter().flatten().map(|(name, need)| (name.as_str(), need))
    }

    /// Whether the name stands anywhere.
    pub fn names(&self, name: &str) -> bool {
        self.0.field(name).is_some()
    }

    fn node(&mut self, node: &AstNode) {
        match node {
            AstNode::Variable(name) if !name.is_empty() => self.0.add(&[name]),
            AstNode::Function { name, .. } => self.0.add(&[name]),
            AstNode::Path { steps } => self.chain(steps),
            _ => {}
        }
        with_stack(|| children(node, &mut |child| self.node(child)));
    }

    /// The fields that a path takes from a variable, as far as they are plain to see.
    fn chain(&mut self, steps: &[PathStep]) {
        let Some((PathStep { node: AstNode::Variable(name), .. }, rest)) = steps.split_first() else {
            return;
        };
        if name.is_empty() || !steps.first().is_some_and(is_plain) {
            return;
        }
        let mut path = vec![name.as_str()];
        path.extend(rest.iter().map_while(|step| match &step.node {
            AstNode::Name(name) if is_plain(step) => Some(name.as_str()),
            _ => None,
        }));
        self.0.add(&path);
    }
}

/// The names of a path that starts from a variable and does nothing but take fields.
pub(super) fn plain_path(tree: &AstNode) -> Option<Vec<String>> {
    let steps = match tree {
        AstNode::Variable(name) if !name.is_empty() && name != "$" => return Some(vec![name.clone()]),
        AstNode::Path { steps } => steps,
        _ => return None,
    };
    let mut names = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        match &step.node {
            AstNode::Variable(name) if index == 0 && !name.is_empty() && name != "$" => {
                names.push(name.clone())
            }
            AstNode::Name(name) if index > 0 => names.push(name.clone()),
            _ => return None,
        }
        if !is_plain(step) || !step.stages.is_empty() {
            return None;
        }
    }
    Some(names)
}

/// Whether a step takes a field and looks at nothing else.
fn is_plain(step: &PathStep) -> bool {
    let is_bound = step.focus.is_some() || step.index_var.is_some() || step.ancestor_label.is_some();
    let is_picking = |stage: &Stage| match stage {
        Stage::Filter(filter) => matches!(**filter, AstNode::Number(_)),
        Stage::KeepArray => true,
        Stage::Index(_) => false,
    };
    !is_bound && !step.is_tuple && !step.inner_tuple && step.stages.iter().all(is_picking)
}

/// Calls `visit` with every expression directly below a node. A variable that a plain path starts with is
/// left out: the path stands for it.
fn children(node: &AstNode, visit: &mut dyn FnMut(&AstNode)) {
    match node {
        AstNode::Path { steps } => {
            let starts_plainly = steps.first().is_some_and(is_plain);
            for (index, step) in steps.iter().enumerate() {
                let stands_in_chain =
                    index == 0 && starts_plainly && matches!(step.node, AstNode::Variable(_));
                if !stands_in_chain {
                    visit(&step.node);
                }
                for stage in &step.stages {
                    if let Stage::Filter(filter) = stage {
                        visit(filter);
                    }
                }
            }
        }
        AstNode::Binary { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|node| visit(node)),
        AstNode::Unary { operand: inner, .. }
        | AstNode::Lambda { body: inner, .. }
        | AstNode::FunctionApplication(inner) => visit(inner),
        AstNode::Call { procedure, args } => {
            visit(procedure);
            args.iter().for_each(visit);
        }
        AstNode::Function { args: items, .. }
        | AstNode::Array(items)
        | AstNode::Block(items)
        | AstNode::ArrayGroup(items) => items.iter().for_each(visit),
        AstNode::Object(pairs) => {
            pairs.iter().for_each(|(name, value)| [name, value].into_iter().for_each(&mut *visit))
        }
        AstNode::ObjectTransform { input, pattern } => {
            visit(input);
            pattern.iter().for_each(|(name, value)| [name, value].into_iter().for_each(&mut *visit));
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            visit(condition);
            visit(then_branch);
            else_branch.iter().for_each(|node| visit(node));
        }
        AstNode::Sort { input, terms } => {
            visit(input);
            terms.iter().for_each(|(term, _)| visit(term));
        }
        AstNode::Transform { location, update, delete } => {
            visit(location);
            visit(update);
            delete.iter().for_each(|node| visit(node));
        }
        AstNode::Variable(_)
        | AstNode::ParentVariable(_)
        | AstNode::Name(_)
        | AstNode::String(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Placeholder
        | AstNode::Regex { .. }
        | AstNode::Wildcard
        | AstNode::Descendant
        | AstNode::Parent(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        fn flatten(need: &Need, at: &str, into: &mut Vec<String>) {
            match need {
                Need::All => into.push(at.trim_start_matches('.').to_owned()),
                Need::Fields(fields) => {
                    fields.iter().for_each(|(name, need)| flatten(need, &format!("{at}.{name}"), into));
                }
            }
        }
        let uses = Uses::of(&jsonata_core::parser::parse(text).unwrap());
        let mut found = Vec::new();
        flatten(&uses.0, "", &mut found);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn only_the_fields_that_a_path_takes_are_looked_at() {
        check("$states.input.a.b", &["states.input.a.b"]);
        check(
            "$states.input.a & $states.context.Execution.Id",
            &["states.context.Execution.Id", "states.input.a"],
        );
        check("$states.input.a.b + $states.input.a", &["states.input.a"]);
        check("$states.input.items[0].name", &["states.input.items.name"]);
        check("$sum($states.input.items.price)", &["states.input.items.price", "sum"]);
    }

    #[test]
    fn whatever_might_look_further_takes_everything_below() {
        check("$states", &["states"]);
        check("($s := $states; $s.input.a)", &["s", "states"]);
        check("$states.input.items[price > $min]", &["min", "states.input"]);
        check("$states.input.items.{'a': %.b, 'c': c}", &["states.input"]);
        check("$states.input.*", &["states.input"]);
        check("$states.input.(a + b)", &["states.input"]);
        check("$states.input^(a)", &["states.input"]);
        check("$lookup($states.input, $key)", &["key", "lookup", "states.input"]);
    }
}
