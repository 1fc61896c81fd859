//! Exit codes: a contract with scripts. Nothing else in the binary knows the numbers.

use shipway_control::app::Outcome;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done as asked.
    Ok,
    /// Failed, for a reason that has no code of its own.
    Failed,
    /// The command line, the configuration or the request is not valid; nothing was changed.
    Usage,
    /// Accepted, and waiting for a person, a window or a lock.
    Waiting,
    /// Refused by a lock, a policy or the state of things; nothing was changed.
    Denied,
    /// The deployment failed or was halted; what ran before still serves.
    FailedClean,
    /// The deployment failed and could not be undone; a person is needed.
    FailedDirty,
    /// What was checked does not hold.
    VerificationFailed,
    /// Interrupted by Ctrl-C; a deployment under way goes on.
    Interrupted,
}

/// All codes, in order of their numbers.
pub const ALL: &[Code] = &[
    Code::Ok,
    Code::Failed,
    Code::Usage,
    Code::Waiting,
    Code::Denied,
    Code::FailedClean,
    Code::FailedDirty,
    Code::VerificationFailed,
    Code::Interrupted,
];

impl Code {
    /// The process's exit status.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Waiting => 4,
            Self::Denied => 5,
            Self::FailedClean => 6,
            Self::FailedDirty => 7,
            Self::VerificationFailed => 9,
            Self::Interrupted => 130,
        }
    }

    /// The same for programs that read JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Waiting => "waiting",
            Self::Denied => "denied",
            Self::FailedClean => "failed_clean",
            Self::FailedDirty => "failed_dirty",
            Self::VerificationFailed => "verification_failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// What it means, for the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done as asked",
            Self::Failed => "failed, for a reason that has no code of its own",
            Self::Usage => "the command line, configuration or request is not valid; nothing was changed",
            Self::Waiting => "accepted, and waiting for a person, a window or a lock",
            Self::Denied => "refused by a lock, a policy or the state of things; nothing was changed",
            Self::FailedClean => "the deployment failed or was halted; what ran before still serves",
            Self::FailedDirty => "the deployment failed and could not be undone; a person is needed",
            Self::VerificationFailed => "what was checked does not hold",
            Self::Interrupted => "interrupted by Ctrl-C; a deployment under way goes on",
        }
    }

    /// The code of a deployment's end.
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Ok,
            Outcome::Running => Self::Waiting,
            Outcome::FailedClean | Outcome::Halted => Self::FailedClean,
            Outcome::FailedDirty => Self::FailedDirty,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::expect;

    use super::*;

    #[test]
    fn exit_codes_are_a_contract() {
        let mut table = String::new();
        for code in ALL {
            let _ = writeln!(table, "{:>3} {:<20} {}", code.number(), code.name(), code.meaning());
        }
        expect![[r#"
              0 ok                   done as asked
              1 failed               failed, for a reason that has no code of its own
              2 usage                the command line, configuration or request is not valid; nothing was changed
              4 waiting              accepted, and waiting for a person, a window or a lock
              5 denied               refused by a lock, a policy or the state of things; nothing was changed
              6 failed_clean         the deployment failed or was halted; what ran before still serves
              7 failed_dirty         the deployment failed and could not be undone; a person is needed
              9 verification_failed  what was checked does not hold
            130 interrupted          interrupted by Ctrl-C; a deployment under way goes on
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn each_outcome_has_its_code() {
        let codes = [
            Outcome::Succeeded,
            Outcome::Running,
            Outcome::FailedClean,
            Outcome::Halted,
            Outcome::FailedDirty,
        ]
        .map(|outcome| Code::of(outcome).number());
        assert_eq!(codes, [0, 4, 6, 6, 7]);
    }
}
