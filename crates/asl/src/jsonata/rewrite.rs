//! Changes a parsed expression so that what it may not do is stopped while it runs: the library checks the length
//! of sequences and the depth, but no strings, and no values whose parts are shared.
//!
//! A check is a call of a function whose name holds a space, so that no expression can spell or hide it. Only an
//! expression that can feed a value back into itself is checked: one that names values, or reduces.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

/// Passes a value on if it is of a fair size by itself.
pub(super) const HELD: &str = "held value";
/// Passes a value on if it is of a fair size with all its parts.
pub(super) const WALKED: &str = "walked value";
/// Passes a width on if a text may be made so wide.
pub(super) const WIDTH: &str = "fair width";
/// `$pad` as a value of its own.
pub(super) const PAD: &str = "fair pad";

/// From so many concatenations on, a text can grow too long without a loop.
const CONCATENATIONS_MIN: usize = 8;
/// Functions that walk through all parts of what they are given.
const WALKING: &[&str] = &["string", "distinct", "hash", "merge", "sort", "spread"];

/// The tree with checks.
pub(super) fn adapt(mut tree: AstNode) -> AstNode {
    let mut growth = Growth::default();
    growth.find(&mut tree);
    let is_checked = growth.feeds_back || growth.concatenations >= CONCATENATIONS_MIN;
    change(&mut tree, is_checked);
    tree
}

/// Whether a name is that of a check that looks at a value.
fn is_check(name: &str) -> bool {
    name == HELD || name == WALKED
}

/// Whether an expression can make a value larger and larger.
#[derive(Default)]
struct Growth {
    feeds_back: bool,
    concatenations: usize,
}

impl Growth {
    fn find(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Binary { op: BinaryOp::ColonEqual, .. } | AstNode::Call { .. } => self.feeds_back = true,
            AstNode::Binary { op: BinaryOp::Concatenate, .. } => self.concatenations += 1,
            AstNode::Function { name, .. } | AstNode::Variable(name) if name == "reduce" => {
                self.feeds_back = true;
            }
            _ => {}
        }
        with_stack(|| children(node, &mut |child| self.find(child)));
    }
}

fn change(node: &mut AstNode, is_checked: bool) {
    with_stack(|| children(node, &mut |child| change(child, is_checked)));
    match node {
        AstNode::Function { name, args, .. } if name == "now" && !args.is_empty() => format_now(name, args),
        AstNode::Function { name, args, .. } if name == "pad" => bound_pad(name, args),
        AstNode::Variable(name) if name == "pad" => *name = PAD.to_owned(),
        _ if is_checked => check(node),
        _ => {}
    }
}

/// `$now(picture)` is `$fromMillis($millis(), picture)`; the library knows the first without picture alone.
fn format_now(name: &mut String, args: &mut Vec<AstNode>) {
    *name = "fromMillis".to_owned();
    args.insert(0, AstNode::Function { name: "millis".to_owned(), args: Vec::new(), is_builtin: true });
}

fn bound_pad(name: &mut String, args: &mut [AstNode]) {
    if args.iter().any(|argument| matches!(argument, AstNode::Placeholder)) {
        PAD.clone_into(name);
        return;
    }
    args.iter_mut().take(2).for_each(|argument| wrap(argument, WIDTH));
}

fn check(node: &mut AstNode) {
    match node {
        AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => wrap(rhs, HELD),
        AstNode::Binary { op: BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In, lhs, rhs, .. } => {
            wrap(lhs, WALKED);
            wrap(rhs, WALKED);
        }
        AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } => {
            wrap(lhs, WALKED);
            wrap(rhs, WALKED);
            wrap(node, HELD);
        }
        AstNode::Function { name, args, .. } if WALKING.contains(&name.as_str()) => {
            args.iter_mut().for_each(|argument| wrap(argument, WALKED));
        }
        AstNode::Function { args, .. } | AstNode::Call { args, .. } => {
            args.iter_mut().for_each(|argument| wrap(argument, HELD));
        }
        // WHY: a call at the end of a body is a jump; around it, it would be none.
        AstNode::Lambda { body, thunk: false, .. } => wrap(body, HELD),
        _ => {}
    }
}

/// Puts a call around what gives a node's value, unless that cannot be large, is no value, or is checked already.
fn wrap(node: &mut AstNode, name: &str) {
    match node {
        AstNode::Conditional { then_branch, else_branch, .. } => {
            wrap(then_branch, name);
            else_branch.iter_mut().for_each(|node| wrap(node, name));
        }
        AstNode::Block(items) => items.iter_mut().last().into_iter().for_each(|node| wrap(node, name)),
        AstNode::Function { name, .. } if is_check(name) => {}
        _ if is_small(node) => {}
        _ => {
            let inner = std::mem::replace(node, AstNode::Null);
            *node = AstNode::Function { name: name.to_owned(), args: vec![inner], is_builtin: true };
        }
    }
}

/// Whether a node gives a number, a truth, or what stands in the expression.
fn is_small(node: &AstNode) -> bool {
    match node {
        AstNode::Binary { op, .. } => !matches!(
            op,
            BinaryOp::Concatenate
                | BinaryOp::Range
                | BinaryOp::ColonEqual
                | BinaryOp::FocusBind
                | BinaryOp::IndexBind
                | BinaryOp::Coalesce
                | BinaryOp::Default
                | BinaryOp::ChainPipe
        ),
        AstNode::Unary { .. }
        | AstNode::String(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Placeholder
        | AstNode::Regex { .. }
        | AstNode::Lambda { .. } => true,
        _ => false,
    }
}

/// Calls `visit` with every expression directly below a node.
fn children(node: &mut AstNode, visit: &mut dyn FnMut(&mut AstNode)) {
    match node {
        AstNode::Path { steps } => steps.iter_mut().for_each(|step| below_step(step, visit)),
        AstNode::Binary { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|node| visit(node)),
        AstNode::Unary { operand: inner, .. }
        | AstNode::Lambda { body: inner, .. }
        | AstNode::FunctionApplication(inner) => visit(inner),
        AstNode::Call { procedure, args } => {
            visit(procedure);
            args.iter_mut().for_each(visit);
        }
        AstNode::Function { args: items, .. }
        | AstNode::Array(items)
        | AstNode::Block(items)
        | AstNode::ArrayGroup(items) => items.iter_mut().for_each(visit),
        AstNode::Object(pairs) => below_pairs(pairs, visit),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input);
            below_pairs(pattern, visit);
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            visit(condition);
            visit(then_branch);
            else_branch.iter_mut().for_each(|node| visit(node));
        }
        AstNode::Sort { input, terms } => {
            visit(input);
            terms.iter_mut().for_each(|(term, _)| visit(term));
        }
        AstNode::Transform { location, update, delete } => {
            visit(location);
            visit(update);
            delete.iter_mut().for_each(|node| visit(node));
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

fn below_step(step: &mut PathStep, visit: &mut dyn FnMut(&mut AstNode)) {
    visit(&mut step.node);
    for stage in &mut step.stages {
        if let Stage::Filter(filter) = stage {
            visit(filter);
        }
    }
}

fn below_pairs(pairs: &mut [(AstNode, AstNode)], visit: &mut dyn FnMut(&mut AstNode)) {
    for (name, value) in pairs {
        visit(name);
        visit(value);
    }
}
