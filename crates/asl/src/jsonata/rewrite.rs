//! Changes a parsed expression so that what it may not do is stopped while it runs: the library checks the length
//! of sequences and the depth, but no strings, and no values whose parts are shared.
//!
//! A check is a call of a function whose name holds a space, so that no expression can spell or hide it. Only an
//! expression that can feed a value back into itself is checked: one that names values, or reduces.

use std::collections::BTreeSet;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use super::functions::ARITIES;

/// Passes a value on if it is of a fair size by itself.
pub(super) const HELD: &str = "held value";
/// Passes a value on if it is of a fair size with all its parts.
pub(super) const WALKED: &str = "walked value";
/// Passes the end of a range on if all ranges together are of a fair size.
pub(super) const RANGE: &str = "fair range";
/// Refuses a call that has too many arguments.
pub(super) const SURPLUS: &str = "surplus argument";
/// Passes a width on if a text may be made so wide.
pub(super) const WIDTH: &str = "fair width";
/// The same, for an expression that walks through values by itself and makes lists of all that it meets.
pub(super) const DEEP: &str = "deep value";
/// Passes on a list if it is short enough to compare each item with each.
pub(super) const LIST: &str = "fair list";
/// Brings a number into the range in which whole numbers are exact, where positions and ranges are counted.
pub(super) const NUMBER: &str = "fair number";
/// Passes on a picture of a number or a time if it can be worked off at once.
pub(super) const PICTURE: &str = "fair picture";

/// From so many concatenations on, a text can grow too long without a loop.
const CONCATENATIONS_MIN: usize = 8;
/// Functions that walk through all parts of what they are given.
const WALKING: &[&str] = &["string", "distinct", "hash", "merge", "sort", "spread"];

/// Functions that take a picture behind a value.
const PICTURES: &[&str] = &["formatInteger", "formatNumber", "fromMillis", "parseInteger", "toMillis"];

/// The tree with checks.
pub(super) fn adapt(mut tree: AstNode) -> AstNode {
    let mut growth = Growth::default();
    growth.find(&mut tree);
    change(&mut tree, &growth);
    tree
}

/// Whether a name is that of a check.
fn is_check(name: &str) -> bool {
    [DEEP, HELD, LIST, NUMBER, PICTURE, RANGE, SURPLUS, WALKED, WIDTH].contains(&name)
}

/// Whether an expression can make a value larger and larger.
#[derive(Default)]
struct Growth {
    feeds_back: bool,
    concatenations: usize,
    /// It walks through values without a function.
    descends: bool,
    /// Names that it gives to values of its own: those of functions mean something else then.
    given: BTreeSet<String>,
}

impl Growth {
    fn find(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
                self.feeds_back = true;
                if let AstNode::Variable(name) = &**lhs {
                    self.given.insert(name.clone());
                }
            }
            AstNode::Call { .. } => self.feeds_back = true,
            AstNode::Lambda { params, .. } => self.given.extend(params.iter().cloned()),
            AstNode::Binary { op: BinaryOp::Concatenate, .. } => self.concatenations += 1,
            AstNode::Descendant | AstNode::Wildcard | AstNode::Transform { .. } => self.descends = true,
            AstNode::Function { name, .. } | AstNode::Variable(name) if name == "reduce" => {
                self.feeds_back = true;
            }
            _ => {}
        }
        with_stack(|| children(node, &mut |child| self.find(child)));
    }

    /// The check of what is named or passed on, if there is to be one.
    fn checks(&self) -> Option<&'static str> {
        let is_checked = self.feeds_back || self.concatenations >= CONCATENATIONS_MIN;
        is_checked.then_some(if self.descends { DEEP } else { HELD })
    }
}

fn change(node: &mut AstNode, growth: &Growth) {
    with_stack(|| children(node, &mut |child| change(child, growth)));
    match node {
        AstNode::Function { name, .. } if growth.given.contains(name) => {}
        _ => bound(node),
    }
    if let Some(passed) = growth.checks() {
        check(node, passed);
    }
}

/// What is bounded in every expression: functions whose work hangs on more than the length of a value.
fn bound(node: &mut AstNode) {
    if let AstNode::Binary { op: BinaryOp::Range, lhs, rhs } = node {
        charge(lhs, rhs);
    }
    let AstNode::Function { name, args, .. } = node else { return };
    if let Some((_, most)) = ARITIES.iter().find(|(known, most)| known == name && args.len() > *most) {
        let index = AstNode::Number(f64::from(u32::try_from(most + 1).unwrap_or(u32::MAX)));
        *args = vec![AstNode::String(std::mem::replace(name, SURPLUS.to_owned())), index];
        return;
    }
    match name.as_str() {
        "now" if !args.is_empty() => format_now(name, args),
        "distinct" => args.iter_mut().for_each(|argument| enclose(argument, LIST)),
        "pad" => name_context(args),
        "substring" => args.iter_mut().for_each(|argument| enclose(argument, NUMBER)),
        _ => {}
    }
    if PICTURES.contains(&name.as_str()) {
        if let [value, AstNode::String(picture), ..] = args.as_mut_slice()
            && picture.trim_start().starts_with(['I', 'i'])
        {
            enclose(value, WIDTH);
        }
        args.iter_mut().skip(1).for_each(|argument| enclose(argument, PICTURE));
    }
}

/// `$pad(5)` is `$pad($, 5)`: a function that is given to the library is not told the context.
fn name_context(args: &mut Vec<AstNode>) {
    let is_short = match args.as_slice() {
        [_] => true,
        [first, _] => matches!(first, AstNode::Number(_) | AstNode::Unary { .. }),
        _ => false,
    };
    if is_short {
        args.insert(0, AstNode::Variable(String::new()));
    }
}

/// Has the end of a range counted against what all ranges may hold.
fn charge(first: &mut AstNode, last: &mut AstNode) {
    let number = if let AstNode::Number(number) = first { *number } else { 0.0 };
    enclose(first, NUMBER);
    enclose(last, NUMBER);
    enclose(last, RANGE);
    if let AstNode::Function { args, .. } = last {
        args.push(AstNode::Number(number));
    }
}

/// `$now(picture)` is `$fromMillis($millis(), picture)`; the library knows the first without picture alone.
fn format_now(name: &mut String, args: &mut Vec<AstNode>) {
    "fromMillis".clone_into(name);
    args.insert(0, AstNode::Function { name: "millis".to_owned(), args: Vec::new(), is_builtin: true });
}

fn check(node: &mut AstNode, passed: &str) {
    match node {
        AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => wrap(rhs, passed),
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
            args.iter_mut().for_each(|argument| wrap(argument, passed));
        }
        // WHY: a call at the end of a body is a jump; around it, it would be none.
        AstNode::Lambda { body, thunk: false, .. } => wrap(body, passed),
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
        _ => enclose(node, name),
    }
}

/// Puts a call around a node. A hole in a partial application stays one.
fn enclose(node: &mut AstNode, name: &str) {
    if !matches!(node, AstNode::Placeholder) {
        let inner = std::mem::replace(node, AstNode::Null);
        *node = AstNode::Function { name: name.to_owned(), args: vec![inner], is_builtin: true };
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
