//! Refusals in AWS's words: `__type` and `message`. All sentences that more than one action uses are here.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use shipway_engine::{activities, launch, machines, tokens};

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// AWS's name of the exception.
    pub code: &'static str,
    /// What happened, in AWS's words where they are known.
    pub message: String,
    /// 400 for what the caller did.
    pub status: StatusCode,
}

impl Fault {
    /// What the caller did wrong.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: StatusCode::BAD_REQUEST }
    }

    /// A value that the model allows and the service does not.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// A body that is not of the protocol.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    /// A name with characters that names cannot have.
    pub fn name(name: &str) -> Self {
        Self::new("InvalidName", format!("Invalid Name: '{name}'"))
    }

    /// An ARN that is none, or of another kind.
    pub fn arn(why: impl std::fmt::Display) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{why}'"))
    }

    /// A page token that was not given for this call.
    pub fn page() -> Self {
        Self::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    /// No machine has the ARN.
    pub fn no_machine(arn: &str) -> Self {
        Self::new("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{arn}'"))
    }

    /// No execution has the ARN.
    pub fn no_execution(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// No activity has the ARN.
    pub fn no_activity(arn: &str) -> Self {
        Self::new("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
    }

    /// Standard, where it should be Express, or the reverse.
    pub fn kind() -> Self {
        Self::new(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        )
    }

    /// A version, an alias or a map run that is not there.
    pub fn not_found() -> Self {
        Self::new("ResourceNotFound", "Request references a resource that does not exist.")
    }

    /// Machines of Shipway's deployers are not for the API to change.
    pub fn denied(arn: &str) -> Self {
        let message = format!(
            "{arn} belongs to Shipway; it can be looked at and neither changed, started nor stopped here"
        );
        Self { status: StatusCode::BAD_REQUEST, ..Self::new("AccessDeniedException", message) }
    }

    /// What Shipway could not do.
    pub fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a Step Functions call failed");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, ..Self::new("ServiceUnavailableException", "The store cannot be used at the moment.") }
    }

    fn too_many(code: &'static str, what: &str, most: usize) -> Self {
        Self::new(code, format!("The maximum number of {what} has been reached: {most}"))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.code, "message": self.message});
        super::answer(self.status, &body)
    }
}

/// A change of the machine with this ARN was refused.
pub fn of_machine(arn: &str) -> impl Fn(machines::Error) -> Fault {
    move |error| match error {
        machines::Error::NoMachine(_) => Fault::no_machine(arn),
        machines::Error::AlreadyExists(_) => {
            Fault::new("StateMachineAlreadyExists", format!("State Machine Already Exists: '{arn}'"))
        }
        machines::Error::Owned(_) => Fault::denied(arn),
        machines::Error::Deleting(_) => {
            Fault::new("StateMachineDeleting", format!("State Machine is being deleted: '{arn}'"))
        }
        machines::Error::NotFound(_) => Fault::not_found(),
        machines::Error::OtherRevision { given, current } => Fault::new(
            "ConflictException",
            format!(
                "Failed to publish the State Machine version for revision {given}. \
                 The current State Machine revision is {current}."
            ),
        ),
        machines::Error::VersionInUse(aliases) => Fault::new(
            "ConflictException",
            format!(
                "Version to be deleted must not be referenced by an alias. \
                 Current list of aliases referencing this version: [{}]",
                aliases.join(", ")
            ),
        ),
        machines::Error::AliasExists(_) => Fault::new(
            "ConflictException",
            "Failed to create alias because an alias with the same name and a different routing \
             configuration already exists.",
        ),
        machines::Error::TooMany { what: "tags", most } => Fault::too_many("TooManyTags", "tags", most),
        machines::Error::TooMany { what, most } => {
            Fault::too_many("ServiceQuotaExceededException", what, most)
        }
        machines::Error::Engine(error) => of_engine(error),
    }
}

/// A start of the machine with this ARN was refused.
pub fn of_launch(arn: &str) -> impl Fn(launch::Error) -> Fault {
    move |error| match error {
        // WHY: to a start, a version or alias that is not there is a machine that is not there.
        launch::Error::Machine(machines::Error::NotFound(_)) => Fault::no_machine(arn),
        launch::Error::Machine(error) => of_machine(arn)(error),
        launch::Error::AlreadyExists(execution) => {
            Fault::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{execution}'"))
        }
    }
}

/// Something with the activity with this ARN was refused.
pub fn of_activity(arn: &str) -> impl Fn(activities::Error) -> Fault {
    move |error| match error {
        activities::Error::NoActivity(_) => Fault::no_activity(arn),
        activities::Error::AlreadyExists(_) => {
            Fault::new("ActivityAlreadyExists", format!("Activity already exists: '{arn}'"))
        }
        activities::Error::TooManyTags(most) => Fault::too_many("TooManyTags", "tags", most),
        activities::Error::Engine(error) => of_engine(error),
    }
}

/// An answer to a task was refused.
pub fn of_token(error: tokens::Error) -> Fault {
    match error {
        tokens::Error::Unknown => Fault::new("InvalidToken", "Invalid Token: 'Invalid token'"),
        tokens::Error::Ended => {
            Fault::new("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        }
        tokens::Error::Engine(error) => of_engine(error),
    }
}

/// The engine refused, or could not.
pub fn of_engine(error: shipway_engine::Error) -> Fault {
    use shipway_engine::Error as E;
    match error {
        E::NoMachine(name) => Fault::no_machine(&name),
        E::NoExecution(arn) => Fault::no_execution(&arn),
        E::NoMapRun(_) => Fault::not_found(),
        E::ExecutionAlreadyExists(arn) => {
            Fault::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
        }
        E::Definition(found) => Fault::new("InvalidDefinition", shipway_asl::invalid_definition(&found)),
        E::Invalid(name, "name") => Fault::name(&name),
        E::Invalid(..) | E::NotWaiting(_) => Fault::validation(error.to_string()),
        E::Store(error) => Fault::unavailable(&error),
    }
}
