//! Where the pages of an execution are: names are unique within a machine only, so both are in the path.

use crate::pages::parts::encode;

/// The machine and name of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The machine; `<machine>/<label>` for a child of a Map Run.
    pub machine: String,
    /// The name; `<name>:<id>` for an Express execution, whose names may come again.
    pub name: String,
}

impl Address {
    /// Of two segments of a path. WHY: neither machines nor labels can have a `~`, which so stands for the slash.
    pub fn of_path(machine: &str, name: &str) -> Self {
        Self { machine: machine.replace('~', "/"), name: name.to_owned() }
    }

    /// Of an ARN; none if it names no execution.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(7, ':');
        let kind = parts.by_ref().nth(5)?;
        let (machine, name) = parts.next()?.split_once(':')?;
        let is_execution = matches!(kind, "execution" | "express");
        is_execution.then(|| Self { machine: machine.to_owned(), name: name.to_owned() })
    }

    /// The page.
    pub fn path(&self) -> String {
        format!("/executions/{}/{}", encode(&self.machine.replace('/', "~")), encode(&self.name))
    }

    /// The page of a visit of a state.
    pub fn visit(&self, entered_by: u64) -> String {
        format!("{}/states/{entered_by}", self.path())
    }

    /// The page of the last visit of a state.
    pub fn state(&self, state: &str) -> String {
        format!("{}/states?name={}", self.path(), encode(state))
    }

    /// The page of a Map's items.
    pub fn items(&self, entered_by: u64) -> String {
        format!("{}/items", self.visit(entered_by))
    }

    /// A payload of an event, as JSON.
    pub fn payload(&self, event: u64, field: &str) -> String {
        format!("{}/events/{event}/{}.json", self.path(), encode(field))
    }

    /// The page of a Map Run, by the visit that has started it.
    pub fn map_run(&self, entered_by: u64) -> String {
        format!("{}/map-run", self.visit(entered_by))
    }
}

/// The page of the execution with this ARN.
pub fn path_of(arn: &str) -> String {
    Address::of_arn(arn).map_or_else(|| "/executions".to_owned(), |address| address.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_carry_machine_and_name() {
        let cases = [
            ("arn:aws:states:r:1:execution:orders:o-1", "/executions/orders/o-1"),
            ("arn:aws:states:r:1:execution:orders/Each:o-1", "/executions/orders~Each/o-1"),
            ("arn:aws:states:r:1:express:orders:o-1:7f", "/executions/orders/o-1%3A7f"),
            ("arn:aws:states:r:1:execution:a'b:ü", "/executions/a%27b/%C3%BC"),
        ];
        for (arn, path) in cases {
            assert_eq!(path_of(arn), path);
        }
        let address = Address::of_arn(cases[1].0).unwrap();
        assert_eq!(Address::of_path("orders~Each", "o-1"), address);
        for arn in ["", "arn:aws:states:r:1:stateMachine:orders", "arn:aws:states:r:1:mapRun:m/l:1"] {
            assert_eq!(Address::of_arn(arn), None);
        }
    }
}
