//! States and transitions of a machine, for drawing, linting and coverage. Holds no data flow.

use serde::{Deserialize, Serialize};

use crate::definition::{Kind, Scope, State, StateMachine};

/// States and transitions of a machine, nested for Parallel and Map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Name of the first state.
    pub start_at: String,
    /// States in the order of the document.
    pub states: Vec<OutlineState>,
}

/// One state of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineState {
    /// The state's name, unique in the machine.
    pub name: String,
    /// `Task`, `Pass`, `Choice`, `Wait`, `Succeed`, `Fail`, `Parallel` or `Map`.
    pub kind: String,
    /// The state's comment.
    pub comment: Option<String>,
    /// Where it can go.
    pub transitions: Vec<OutlineTransition>,
    /// Branches of a Parallel, or the one item processor of a Map.
    pub branches: Vec<Outline>,
}

/// One edge of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineTransition {
    /// The target state.
    pub to: String,
    /// Why it is taken.
    pub kind: TransitionKind,
    /// What to write on the edge: the errors of a Catch, the rule of a Choice.
    pub label: Option<String>,
}

/// Why a transition is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// `Next`.
    Next,
    /// A rule of a Choice.
    Choice,
    /// `Default` of a Choice.
    Default,
    /// A catcher.
    Catch,
}

impl StateMachine {
    /// Its states and transitions, for drawing, linting and coverage.
    pub fn outline(&self) -> Outline {
        outline(self, &self.root)
    }
}

fn outline(machine: &StateMachine, scope: &Scope) -> Outline {
    let states = scope.states.iter().filter_map(|name| machine.state(name));
    Outline {
        start_at: scope.start_at.clone(),
        states: states.map(|state| outline_state(machine, state)).collect(),
    }
}

fn outline_state(machine: &StateMachine, state: &State) -> OutlineState {
    let branches = match &state.kind {
        Kind::Parallel { branches } => branches.iter().map(|branch| outline(machine, branch)).collect(),
        Kind::Map(map) => vec![outline(machine, &map.processor)],
        _ => Vec::new(),
    };
    OutlineState {
        name: state.name.clone(),
        kind: state.kind.kind().name().to_owned(),
        comment: state.comment.clone(),
        transitions: transitions(state),
        branches,
    }
}

fn transitions(state: &State) -> Vec<OutlineTransition> {
    let edge = |to: &String, kind, label| OutlineTransition { to: to.clone(), kind, label };
    let mut edges = Vec::new();
    edges.extend(state.next.iter().map(|to| edge(to, TransitionKind::Next, None)));
    if let Kind::Choice { rules, default } = &state.kind {
        edges.extend(
            rules.iter().map(|rule| edge(&rule.next, TransitionKind::Choice, Some(rule.test.to_string()))),
        );
        edges.extend(default.iter().map(|to| edge(to, TransitionKind::Default, None)));
    }
    let caught = |errors: &[String]| Some(errors.join(", "));
    edges.extend(
        state
            .catch
            .iter()
            .map(|catcher| edge(&catcher.next, TransitionKind::Catch, caught(&catcher.error_equals))),
    );
    edges
}
