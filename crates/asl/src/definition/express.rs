//! What Express machines cannot do: wait for jobs, for task tokens or for activities, and run distributed Maps.

use super::findings::Findings;
use super::walk::Written;
use crate::diagnostic::{MachineKind, SCHEMA_VALIDATION_FAILED};
use crate::integration::{self, Pattern, Target};

pub(super) fn check(states: &[Written<'_>], findings: &Findings) {
    for state in states.iter().filter(|state| state.machine == MachineKind::Express) {
        if state.is("Task") {
            task(state, findings);
        }
        for field in ["ItemProcessor", "Iterator"] {
            let config = state.fields.get(field).and_then(|processor| processor.get("ProcessorConfig"));
            if config.and_then(|config| config.get("Mode")).is_some_and(|mode| mode == "DISTRIBUTED") {
                findings.at(
                    SCHEMA_VALIDATION_FAILED,
                    format!("{}/{field}/ProcessorConfig/Mode", state.pointer),
                    "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
                );
            }
        }
    }
}

fn task(state: &Written<'_>, findings: &Findings) {
    let Some(Ok(target)) = state.text("Resource").map(integration::find) else { return };
    let message = match (target, target.pattern()) {
        (Target::Activity, _) => "Express state machine does not support Activity ARN",
        (_, Pattern::RequestResponse) => return,
        (_, Pattern::Sync | Pattern::Sync2) => {
            "Express state machine does not support '.sync' service integration"
        }
        // WHY: AWS's own text has a space more at its end.
        (_, Pattern::WaitForTaskToken) => {
            "Express state machine does not support '.waitForTaskToken' service integration "
        }
    };
    findings.at(SCHEMA_VALIDATION_FAILED, state.at("Resource"), message);
}
