//! The context object `$$`, the variables in reach, and the step's entropy.

use serde_json::{Map, Value, json};

use super::stepper::Stepper;
use crate::definition::StateKind;
use crate::execution::{Execution, Frame};
use crate::expression::Names;
use crate::items::STATE_DATA;
use crate::path::{Path, Segment};
use crate::timestamp::Timestamp;

/// `$$.Map.Item`.
#[derive(Clone, Copy)]
pub(crate) struct MapItem<'s> {
    pub index: u32,
    pub key: Option<&'s str>,
    pub value: &'s Value,
    pub source: &'s str,
}

impl MapItem<'_> {
    fn to_json(self) -> Value {
        let mut item = Map::new();
        item.insert("Index".into(), self.index.into());
        if let Some(key) = self.key {
            item.insert("Key".into(), key.into());
        }
        item.insert("Value".into(), self.value.clone());
        item.insert("Source".into(), self.source.into());
        json!({"Item": item})
    }
}

/// What expressions of one frame can name.
pub(crate) struct Context<'s> {
    pub execution: &'s Execution,
    pub frame: u64,
    /// The item whose iteration is about to start, for a Map's own fields.
    pub item: Option<MapItem<'s>>,
    pub token: Option<&'s str>,
    pub entropy: &'s Stepper<'s>,
}

impl Names for Context<'_> {
    fn context(&self, path: &Path) -> Value {
        if let Some(inspection) = self.entropy.inspection {
            return inspection.context(self.item.and_then(|_| self.map()));
        }
        let name = |at: usize| match path.segments.get(at) {
            Some(Segment::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        let mut object = Map::new();
        let first = name(0);
        let mut add = |section: &str, value: &dyn Fn() -> Option<Value>| {
            // WHY: building what nobody asks for would make a Map over n items cost n copies of the input.
            if first.is_none_or(|first| first == section)
                && let Some(value) = value()
            {
                object.insert(section.into(), value);
            }
        };
        add("Execution", &|| Some(self.execution(name(1).is_none_or(|second| second == "Input"))));
        add("StateMachine", &|| Some(self.machine()));
        add("State", &|| self.state());
        add("Task", &|| self.token.map(|token| json!({"Token": token})));
        add("Map", &|| self.map());
        object.into()
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let frames = self.frames();
        let given = || self.entropy.inspection.and_then(|inspection| inspection.variables.get(name));
        frames.into_iter().find_map(|frame| frame.variables.get(name)).or_else(given)
    }

    fn now(&self) -> Timestamp {
        self.entropy.at.now
    }

    fn entropy(&self) -> u64 {
        self.entropy.draw()
    }
}

impl<'s> Context<'s> {
    /// This frame and those around it, innermost first.
    fn frames(&self) -> Vec<&'s Frame> {
        let execution = self.execution;
        let inner = execution.frame(self.frame);
        std::iter::successors(inner, |frame| execution.frame(frame.parent?)).collect()
    }

    fn execution(&self, with_input: bool) -> Value {
        let start = self.execution.start();
        let mut object = Map::new();
        object.insert("Id".into(), start.execution_arn.as_str().into());
        if with_input {
            object.insert("Input".into(), start.input.clone());
        }
        object.insert("StartTime".into(), self.execution.started_at().to_string().into());
        object.insert("Name".into(), start.execution_name.as_str().into());
        object.insert("RoleArn".into(), start.role_arn.as_str().into());
        object.insert("RedriveCount".into(), self.execution.redrives().into());
        // WHY: to AWS an Express child is not redriven but started once more.
        if let Some(redriven) = self.execution.redriven().filter(|_| !self.execution.is_express()) {
            object.insert("RedriveTime".into(), redriven.at.to_string().into());
        }
        object.into()
    }

    fn machine(&self) -> Value {
        let start = self.execution.start();
        json!({"Id": start.machine_arn, "Name": start.machine_name})
    }

    fn state(&self) -> Option<Value> {
        let active = self.execution.active(self.frame)?;
        let mut object = Map::new();
        object.insert("Name".into(), active.name.as_str().into());
        object.insert("EnteredTime".into(), active.entered_at.to_string().into());
        if matches!(active.kind, StateKind::Task | StateKind::Parallel | StateKind::Map) {
            object.insert("RetryCount".into(), active.retries.into());
        }
        Some(object.into())
    }

    /// The item of the innermost Map around this place.
    fn map(&self) -> Option<Value> {
        if let Some(item) = self.item {
            return Some(item.to_json());
        }
        let mut frame = self.execution.frame(self.frame)?;
        loop {
            let parent = frame.parent?;
            if let Some(item) = self.item(parent, frame.index) {
                return Some(item);
            }
            frame = self.execution.frame(parent)?;
        }
    }

    fn item(&self, map: u64, index: u32) -> Option<Value> {
        let items = self.execution.fork(map)?.items.as_ref()?;
        let value = items.get(index as usize)?;
        Some(MapItem { index, key: None, value, source: STATE_DATA }.to_json())
    }
}
