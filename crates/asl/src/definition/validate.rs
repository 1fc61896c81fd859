//! From a definition's text to a machine or to everything that is wrong with it.

use serde_json::Value;

use super::findings::Findings;
use super::reader::Reader;
use super::{StateMachine, document, express, graph, integrations, names, states as readers, walk, warnings};
use crate::diagnostic::{Diagnostic, MachineKind, Severity, Validation};
use crate::limits::DIAGNOSTICS_MAX;

impl StateMachine {
    /// Parses and validates a definition of a Standard machine; on refusal every diagnostic is returned at once.
    pub fn parse(definition: &str) -> Result<Self, Vec<Diagnostic>> {
        Self::parse_as(MachineKind::Standard, definition)
    }

    /// Parses and validates a definition of a machine of this kind.
    pub fn parse_as(kind: MachineKind, definition: &str) -> Result<Self, Vec<Diagnostic>> {
        let (machine, found) = read(kind, definition);
        let is_good = found.iter().all(|one| one.severity == Severity::Warning);
        match machine {
            Some(machine) if is_good => Ok(Self { warnings: shortened(found, DIAGNOSTICS_MAX).0, ..machine }),
            _ => Err(shortened(found, DIAGNOSTICS_MAX).0),
        }
    }

    /// What is wrong with a definition, as `ValidateStateMachineDefinition` answers it: findings that are at least as
    /// bad as `least`, at most `most` of them (0 is AWS's default, which is its maximum too).
    pub fn validate(kind: MachineKind, definition: &str, least: Severity, most: usize) -> Validation {
        let (_, mut found) = read(kind, definition);
        let is_good = found.iter().all(|one| one.severity == Severity::Warning);
        found.retain(|one| least == Severity::Warning || one.severity == Severity::Error);
        let most = if most == 0 { DIAGNOSTICS_MAX } else { most.min(DIAGNOSTICS_MAX) };
        let (diagnostics, truncated) = shortened(found, most);
        Validation { result: if is_good { "OK" } else { "FAIL" }, diagnostics, truncated }
    }
}

fn shortened(mut found: Vec<Diagnostic>, most: usize) -> (Vec<Diagnostic>, bool) {
    let truncated = found.len() > most;
    found.truncate(most);
    (found, truncated)
}

fn read(kind: MachineKind, definition: &str) -> (Option<StateMachine>, Vec<Diagnostic>) {
    let findings = Findings::default();
    let document = document::read(definition, &findings);
    let machine = document.as_ref().and_then(|document| {
        let machine =
            Reader::new(document, String::new(), &findings).and_then(|reader| readers::machine(&reader));
        let states = walk::states(document, kind);
        names::check(&states, &findings);
        integrations::check(&states, &findings);
        express::check(&states, &findings);
        graph::check(document, &findings);
        warnings::check(&states, &findings);
        machine
    });
    (machine, findings.into_diagnostics(document.as_ref().unwrap_or(&Value::Null)))
}
