//! What an expression names that a definition may not name: AWS refuses it before anything runs.
//! Does not evaluate.

use jsonata_core::ast::{AstNode, PathStep, Stage};

use super::Expression;

/// What an expression can see beside `$states.input` and `$states.context`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sees {
    /// `$states.result`
    pub result: bool,
    /// `$states.errorOutput`
    pub error_output: bool,
}

impl Expression {
    /// AWS's words about every reference that leads nowhere, each once.
    pub fn unsupported(&self, sees: Sees) -> Vec<String> {
        let mut found = Found { sees, messages: Vec::new() };
        found.node(&self.parsed.tree, true);
        found.messages
    }
}

struct Found {
    sees: Sees,
    messages: Vec<String>,
}

impl Found {
    fn add(&mut self, message: String) {
        if !self.messages.contains(&message) {
            self.messages.push(message);
        }
    }

    /// `is_top`: the node is evaluated against the whole document, of which there is none.
    fn node(&mut self, node: &AstNode, is_top: bool) {
        match node {
            AstNode::Name(name) => self.reference(name, is_top),
            AstNode::Variable(name) if name.is_empty() => self.reference("$", is_top),
            AstNode::Variable(name) if name == "$" => self.document(),
            AstNode::ParentVariable(_) => self.document(),
            AstNode::Wildcard => self.reference("*", is_top),
            AstNode::Descendant => self.reference("**", is_top),
            AstNode::Path { steps } => self.path(steps, is_top),
            AstNode::Function { name, args, is_builtin } => {
                if !is_builtin {
                    self.reference(name, is_top);
                }
                self.nodes(args, is_top);
            }
            AstNode::Call { procedure, args } => {
                self.node(procedure, is_top);
                self.nodes(args, is_top);
            }
            AstNode::Binary { lhs, rhs, .. } => {
                self.node(lhs, is_top);
                self.node(rhs, is_top);
            }
            AstNode::Unary { operand: inner, .. } | AstNode::Lambda { body: inner, .. } => {
                self.node(inner, is_top);
            }
            AstNode::Array(items) | AstNode::Block(items) | AstNode::ArrayGroup(items) => {
                self.nodes(items, is_top);
            }
            AstNode::Object(pairs) => self.pairs(pairs, is_top),
            AstNode::ObjectTransform { input, pattern } => {
                self.node(input, is_top);
                self.pairs(pattern, false);
            }
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.node(condition, is_top);
                self.node(then_branch, is_top);
                else_branch.iter().for_each(|node| self.node(node, is_top));
            }
            AstNode::FunctionApplication(inner) => self.node(inner, false),
            AstNode::Sort { input, terms } => {
                self.node(input, is_top);
                terms.iter().for_each(|(term, _)| self.node(term, false));
            }
            AstNode::Transform { location, update, delete } => {
                self.node(location, false);
                self.node(update, false);
                delete.iter().for_each(|node| self.node(node, false));
            }
            AstNode::Variable(_)
            | AstNode::String(_)
            | AstNode::Number(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::Undefined
            | AstNode::Placeholder
            | AstNode::Regex { .. }
            | AstNode::Parent(_) => {}
        }
    }

    fn nodes(&mut self, nodes: &[AstNode], is_top: bool) {
        nodes.iter().for_each(|node| self.node(node, is_top));
    }

    fn pairs(&mut self, pairs: &[(AstNode, AstNode)], is_top: bool) {
        for (name, value) in pairs {
            self.node(name, is_top);
            self.node(value, is_top);
        }
    }

    /// Only the first step starts from the document; whatever follows starts from what was found.
    fn path(&mut self, steps: &[PathStep], is_top: bool) {
        if let [first, second, ..] = steps
            && let (AstNode::Variable(variable), AstNode::Name(field)) = (&first.node, &second.node)
            && variable == "states"
        {
            self.field_of_states(field);
        }
        for (index, step) in steps.iter().enumerate() {
            self.node(&step.node, is_top && index == 0);
            for stage in &step.stages {
                if let Stage::Filter(filter) = stage {
                    self.node(filter, false);
                }
            }
        }
    }

    fn reference(&mut self, name: &str, is_top: bool) {
        if is_top {
            self.add(format!("Reference to '{name}' at the top level is not supported."));
        }
    }

    fn document(&mut self) {
        self.add("Reference to '$$' is not supported.".to_owned());
    }

    fn field_of_states(&mut self, field: &str) {
        let is_there = match field {
            "input" | "context" => true,
            "result" => self.sees.result,
            "errorOutput" => self.sees.error_output,
            _ => false,
        };
        if !is_there {
            self.add(format!("Field '$states.{field}' does not exist."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, sees: Sees, expected: &[&str]) {
        assert_eq!(Expression::parse(text).unwrap().unsupported(sees), expected, "{text}");
    }

    #[test]
    fn only_what_starts_from_the_document_is_refused() {
        let nothing = Sees::default();
        let top = |name: &str| format!("Reference to '{name}' at the top level is not supported.");
        check("phone[0]", nothing, &[&top("phone")]);
        check("$.phone", nothing, &[&top("$")]);
        check("aaa + bbb + aaa", nothing, &[&top("aaa"), &top("bbb")]);
        check("$map($states.input.a, function($x){ b })", nothing, &[&top("b")]);
        check("$$", nothing, &["Reference to '$$' is not supported."]);
        for text in [
            "$states.input.items[phone > 3]",
            "$states.input.items^(price).{'name': name}",
            "$states.input.items{kind: $count($)}",
            "$map($states.input.a, function($x){ $x.phone })",
            "$phone.number & $states.context.Execution.Name",
            "$states.input.a.(b + $.c)",
            "$states.input ~> |a|{'b': c}|",
            "$states",
        ] {
            check(text, nothing, &[]);
        }
    }

    #[test]
    fn results_and_errors_are_named_where_they_are() {
        let result = Sees { result: true, error_output: false };
        let error = Sees { result: false, error_output: true };
        check("$states.result.a", result, &[]);
        check("$states.errorOutput.Cause", error, &[]);
        check("$states.result", error, &["Field '$states.result' does not exist."]);
        check("[$states.errorOutput]", result, &["Field '$states.errorOutput' does not exist."]);
        check("$states.nothing", result, &["Field '$states.nothing' does not exist."]);
    }
}
