//! Which state is tested: one that stands alone, or one of a machine by its name.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::definition::{Kind, Scope, State, StateKind, StateMachine};
use crate::event::Target;

/// AWS's name of a state that stands alone; also in the context object of any.
pub(super) const STATE_NAME: &str = "StateName";

/// The state that is tested.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub machine: StateMachine,
    pub name: String,
    /// Whether it stands in an iteration of a Map.
    pub is_in_map: bool,
}

impl Subject {
    /// Parses the definition, and finds the state if it is named.
    pub fn new(definition: &str, name: Option<&str>) -> Result<Self, Refusal> {
        let refuse = |found: Vec<_>| Refusal::definition(&found);
        let Some(name) = name else {
            let machine = StateMachine::parse(&alone(definition)).map_err(refuse)?;
            return Ok(Self { machine, name: STATE_NAME.to_owned(), is_in_map: false });
        };
        let machine = StateMachine::parse(definition).map_err(refuse)?;
        let is_in_map = place(&machine, &machine.root, name, false).ok_or_else(Refusal::no_such_state)?;
        Ok(Self { machine, name: name.to_owned(), is_in_map })
    }

    pub fn state(&self) -> Option<&State> {
        self.machine.state(&self.name)
    }

    pub fn kind(&self) -> StateKind {
        self.state().map_or(StateKind::Pass, |state| state.kind.kind())
    }

    /// The scopes right below a Parallel or Map.
    pub fn scopes(&self) -> Vec<&Scope> {
        self.state().map(|state| below(&state.kind)).unwrap_or_default()
    }

    /// Whether a state of this name stands below it, at any depth.
    pub fn contains(&self, name: &str) -> bool {
        self.scopes().into_iter().any(|scope| place(&self.machine, scope, name, false).is_some())
    }

    /// Whether it is a Task whose answer comes by itself, later.
    pub fn waits_for_answer(&self) -> bool {
        let Some(State { kind: Kind::Task(task), .. }) = self.state() else { return false };
        let action = task.resource.rsplit(':').next().unwrap_or_default();
        matches!(Target::parse(&task.resource), Target::Activity(_))
            || task.resource.ends_with(".waitForTaskToken")
            || action.ends_with(".sync")
            || task.resource.contains(".sync:")
    }
}

fn below(kind: &Kind) -> Vec<&Scope> {
    match kind {
        Kind::Parallel { branches } => branches.iter().collect(),
        Kind::Map(map) => vec![&map.processor],
        Kind::Pass { .. }
        | Kind::Task(_)
        | Kind::Choice { .. }
        | Kind::Wait(_)
        | Kind::Succeed
        | Kind::Fail { .. } => Vec::new(),
    }
}

/// Whether the state stands in a Map's iteration; none if it is not in the scope.
fn place(machine: &StateMachine, scope: &Scope, name: &str, is_in_map: bool) -> Option<bool> {
    scope.states.iter().find_map(|one| {
        if one == name {
            return Some(is_in_map);
        }
        let kind = &machine.state(one)?.kind;
        let is_in_map = is_in_map || kind.kind() == StateKind::Map;
        below(kind).into_iter().find_map(|scope| place(machine, scope, name, is_in_map))
    })
}

/// A machine of nothing but the state, and an end for each state that it leads to.
fn alone(definition: &str) -> String {
    let Ok(state @ Value::Object(_)) = serde_json::from_str::<Value>(definition) else {
        return definition.to_owned();
    };
    let mut states = Map::new();
    for target in targets(&state) {
        states.insert(target.to_owned(), json!({"Type": "Succeed"}));
    }
    states.insert(STATE_NAME.to_owned(), state);
    json!({"StartAt": STATE_NAME, "States": states}).to_string()
}

/// The states that a state leads to.
fn targets(state: &Value) -> Vec<&str> {
    let each = |field: &str| state.get(field).and_then(Value::as_array).into_iter().flatten();
    let next = each("Choices").chain(each("Catch")).map(|one| one.get("Next"));
    let next = next.chain([state.get("Next"), state.get("Default")]);
    next.flatten().filter_map(Value::as_str).collect()
}
