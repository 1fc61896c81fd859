//! Which events each level logs, as AWS lists them.

/// How much is logged; a higher one logs everything that a lower one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Off,
    /// That executions failed.
    Fatal,
    /// Every failure.
    Error,
    /// Every event.
    All,
}

impl Level {
    /// AWS's name of a level.
    pub fn parse(name: &str) -> Option<Self> {
        let names = [("OFF", Self::Off), ("FATAL", Self::Fatal), ("ERROR", Self::Error), ("ALL", Self::All)];
        names.into_iter().find(|(known, _)| *known == name).map(|(_, level)| level)
    }

    /// Whether events of this type are logged.
    pub fn logs(self, event_type: &str) -> bool {
        self >= lowest(event_type)
    }
}

/// The lowest level that logs events of this type.
fn lowest(event_type: &str) -> Level {
    match event_type {
        "ExecutionAborted" | "ExecutionFailed" | "ExecutionTimedOut" => Level::Fatal,
        "FailStateEntered" => Level::Error,
        failure if ["Failed", "TimedOut", "Aborted"].iter().any(|end| failure.ends_with(end)) => Level::Error,
        _ => Level::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's table of levels (Step Functions Developer Guide, "Log levels"), and the types that it leaves out, which
    /// go by the same rule: activities, Map Runs, redrives, evaluations.
    const ALL_ONLY: &[&str] = &[
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "ExecutionRedriven",
        "ExecutionStarted",
        "ExecutionSucceeded",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "MapIterationStarted",
        "MapIterationSucceeded",
        "MapRunRedriven",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateEntered",
        "MapStateExited",
        "MapStateStarted",
        "MapStateSucceeded",
        "ParallelStateEntered",
        "ParallelStateExited",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "PassStateEntered",
        "PassStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "TaskScheduled",
        "TaskStarted",
        "TaskStateEntered",
        "TaskStateExited",
        "TaskSubmitted",
        "TaskSucceeded",
        "WaitStateEntered",
        "WaitStateExited",
    ];
    const ERROR_TOO: &[&str] = &[
        "ActivityFailed",
        "ActivityScheduleFailed",
        "ActivityTimedOut",
        "EvaluationFailed",
        "FailStateEntered",
        "LambdaFunctionFailed",
        "LambdaFunctionScheduleFailed",
        "LambdaFunctionStartFailed",
        "LambdaFunctionTimedOut",
        "MapIterationAborted",
        "MapIterationFailed",
        "MapRunAborted",
        "MapRunFailed",
        "MapStateAborted",
        "MapStateFailed",
        "ParallelStateAborted",
        "ParallelStateFailed",
        "TaskFailed",
        "TaskStartFailed",
        "TaskStateAborted",
        "TaskSubmitFailed",
        "TaskTimedOut",
        "WaitStateAborted",
    ];
    const FATAL_TOO: &[&str] = &["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"];

    #[test]
    fn each_level_logs_what_aws_lists() {
        for (types, levels) in [
            (ALL_ONLY, [false, false, false, true]),
            (ERROR_TOO, [false, false, true, true]),
            (FATAL_TOO, [false, true, true, true]),
        ] {
            for kind in types {
                let logged =
                    [Level::Off, Level::Fatal, Level::Error, Level::All].map(|level| level.logs(kind));
                assert_eq!(logged, levels, "{kind}");
            }
        }
        assert_eq!(ALL_ONLY.len() + ERROR_TOO.len() + FATAL_TOO.len(), 62, "types of the service model");
    }

    #[test]
    fn levels_have_awss_names() {
        let levels = ["OFF", "FATAL", "ERROR", "ALL"].map(Level::parse);
        assert_eq!(levels, [Level::Off, Level::Fatal, Level::Error, Level::All].map(Some));
        assert_eq!(Level::parse("all"), None);
    }
}
