//! Parallel and Map: starts branches and iterations, and joins their results.

use std::sync::Arc;

use serde_json::Value;

use super::context::MapItem;
use super::inspect::Field;
use super::stepper::{Job, Stepper};
use crate::definition::{Amount, Kind, MapOver, Mode, Scope, State, StateKind};
use crate::event::{Detail, child_frame};
use crate::expression::{Env, Fault};
use crate::items::STATE_DATA;

impl Stepper<'_> {
    pub fn fork_branches(&mut self, frame: u64, state: &State, branches: &[Scope]) -> Result<(), Fault> {
        let input = Arc::new(self.arguments(frame, state)?);
        let count = u32::try_from(branches.len()).unwrap_or(u32::MAX);
        let event = self.emit(frame, Detail::ParallelStarted { branches: count });
        if branches.is_empty() {
            self.exit(frame, Value::Array(Vec::new()));
            return Ok(());
        }
        if self.holds_fork() {
            return Ok(());
        }
        for (index, branch) in (0..count).zip(branches) {
            self.jobs.push_back(Job::Enter {
                frame: child_frame(event, index),
                state: branch.start_at.clone(),
                input: input.clone(),
            });
        }
        Ok(())
    }

    pub fn fork_items(&mut self, frame: u64, map: &MapOver) -> Result<(), Fault> {
        let input = self.effective_input(frame)?;
        let concurrency = self.count(frame, &input, map.max_concurrency.as_ref(), "MaxConcurrency")?;
        self.map_input = None;
        if let Mode::Distributed(execution_type) = map.mode
            && !self.holds_fork()
        {
            return self.start_map_run(frame, map, execution_type, concurrency);
        }
        let items = match self.inspect_reader(frame, map)? {
            Some(items) => items,
            None => self.items(frame, map, input)?,
        };
        let Value::Array(list) = &items else { return Ok(()) };
        let length = list.len();
        self.inspect(frame, Field::AfterItemsPath, &items);
        self.emit(frame, Detail::MapStarted { length: length as u64, items: Arc::new(items), concurrency });
        if self.inspect_map(frame, map, concurrency)? {
            return Ok(());
        }
        self.tolerated(frame, map)?;
        self.jobs.push_front(Job::Iterate { frame });
        Ok(())
    }

    /// A count of a Map, given or found; 0 if there is none.
    fn count(&self, frame: u64, input: &Value, amount: Option<&Amount>, field: &str) -> Result<u32, Fault> {
        let Some(number) = self.amount(frame, input, amount, field)? else { return Ok(0) };
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Starts the next iteration that may run, or ends the Map.
    pub fn iterate(&mut self, frame: u64) {
        let Some((_, State { kind: Kind::Map(map), name, .. })) = self.state(frame) else { return };
        let Some(fork) = self.execution.fork(frame) else { return };
        if fork.is_done() {
            let output = fork.output();
            let previous = self.execution.frame(frame).map_or(0, |frame| frame.previous);
            self.emit_after(frame, previous, Detail::MapSucceeded);
            return self.exit(frame, output);
        }
        if !fork.may_start() {
            return;
        }
        let index = fork.started;
        match self.item_input(frame, map, index) {
            Ok(input) => {
                let event = self.emit(frame, Detail::IterationStarted { index, name: name.clone() });
                let state = map.processor.start_at.clone();
                self.jobs.push_back(Job::Enter {
                    frame: child_frame(event, index),
                    state,
                    input: Arc::new(input),
                });
                self.jobs.push_front(Job::Iterate { frame });
            }
            Err(fault) => self.fault_in_fork(frame, fault),
        }
    }

    /// The input of an iteration: the item, or what `ItemSelector` makes of it.
    pub fn item_input(&mut self, frame: u64, map: &MapOver, index: u32) -> Result<Value, Fault> {
        let items = self.execution.fork(frame).and_then(|fork| fork.items.clone()).unwrap_or_default();
        let value = items.get(index as usize).unwrap_or(&Value::Null);
        let Some(selector) = &map.item_selector else { return Ok(value.clone()) };
        let input = match &self.map_input {
            Some((of, input)) if *of == frame => input.clone(),
            _ => Arc::new(self.effective_input(frame)?),
        };
        self.map_input = Some((frame, input.clone()));
        let names = self.context(frame, Some(MapItem { index, key: None, value, source: STATE_DATA }));
        selector.evaluate(&Env::new(&input, &names))
    }

    /// The Map itself has failed while iterations run.
    fn fault_in_fork(&mut self, frame: u64, fault: Fault) {
        self.abandon_all(frame);
        self.fault(frame, fault);
    }

    /// A branch or iteration has ended; its result is in the fork.
    pub fn joined(&mut self, parent: u64, index: u32, previous: u64) {
        let Some(active) = self.execution.active(parent) else { return };
        let (kind, name) = (active.kind, active.name.clone());
        let Some(fork) = self.execution.fork(parent) else { return };
        let is_done = fork.is_done();
        if kind == StateKind::Map {
            self.emit_after(parent, previous, Detail::IterationSucceeded { index, name, last: is_done });
            self.jobs.push_front(Job::Iterate { frame: parent });
        } else if is_done {
            let output = fork.output();
            self.join_branches(parent, previous, output);
        }
    }

    fn join_branches(&mut self, frame: u64, previous: u64, output: Value) {
        self.emit_after(frame, previous, Detail::ParallelSucceeded);
        self.exit(frame, output);
    }
}
