//! What requests must look like: the constraints of AWS's own service model, as a table. Checks nothing (`validate`).

use super::validate::{Member, Shape};

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, is_secret: false }
}

/// A text that errors do not repeat.
const fn secret(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, is_secret: true }
}

const fn need(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_needed: true, shape }
}

const fn may(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_needed: false, shape }
}

const NAME: Shape = text(1, 80);
const TAG_KEY: Shape = text(1, 128);
const TAG_VALUE: Shape = text(0, 256);
const TAG: Shape = Shape::Object(&[need("key", &TAG_KEY), may("value", &TAG_VALUE)]);
const TAG_LIST: Shape = Shape::List { min: 0, max: usize::MAX, of: &TAG };
const KMS_KEY_ID: Shape = text(1, 2048);
const ENCRYPTION_TYPE: Shape = Shape::Choice(&["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"]);
const ENCRYPTION_CONFIGURATION: Shape = Shape::Object(&[
    may("kmsKeyId", &KMS_KEY_ID),
    may("kmsDataKeyReusePeriodSeconds", &Shape::Integer { min: 60, max: 900 }),
    need("type", &ENCRYPTION_TYPE),
]);
const DEFINITION: Shape = secret(1, 1048576);
const ARN: Shape = text(1, 256);
const STATE_MACHINE_TYPE: Shape = Shape::Choice(&["STANDARD", "EXPRESS"]);
const LOG_LEVEL: Shape = Shape::Choice(&["ALL", "ERROR", "FATAL", "OFF"]);
const CLOUD_WATCH_LOGS_LOG_GROUP: Shape = Shape::Object(&[may("logGroupArn", &ARN)]);
const LOG_DESTINATION: Shape = Shape::Object(&[may("cloudWatchLogsLogGroup", &CLOUD_WATCH_LOGS_LOG_GROUP)]);
const LOG_DESTINATION_LIST: Shape = Shape::List { min: 0, max: usize::MAX, of: &LOG_DESTINATION };
const LOGGING_CONFIGURATION: Shape = Shape::Object(&[
    may("level", &LOG_LEVEL),
    may("includeExecutionData", &Shape::Bool),
    may("destinations", &LOG_DESTINATION_LIST),
]);
const TRACING_CONFIGURATION: Shape = Shape::Object(&[may("enabled", &Shape::Bool)]);
const VERSION_DESCRIPTION: Shape = secret(0, 256);
const ALIAS_DESCRIPTION: Shape = secret(0, 256);
const CHARACTER_RESTRICTED_NAME: Shape = text(1, 80);
const ROUTING_CONFIGURATION_LIST_ITEM: Shape = Shape::Object(&[
    need("stateMachineVersionArn", &ARN),
    need("weight", &Shape::Integer { min: 0, max: 100 }),
]);
const ROUTING_CONFIGURATION_LIST: Shape =
    Shape::List { min: 1, max: 2, of: &ROUTING_CONFIGURATION_LIST_ITEM };
const LONG_ARN: Shape = text(1, 2000);
const INCLUDED_DATA: Shape = Shape::Choice(&["ALL_DATA", "METADATA_ONLY"]);
const PAGE_TOKEN: Shape = text(1, 1024);
const EXECUTION_STATUS: Shape =
    Shape::Choice(&["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]);
const LIST_EXECUTIONS_PAGE_TOKEN: Shape = text(1, 3096);
const EXECUTION_REDRIVE_FILTER: Shape = Shape::Choice(&["REDRIVEN", "NOT_REDRIVEN"]);
const REVISION_ID: Shape = text(0, usize::MAX);
const CLIENT_TOKEN: Shape = text(1, 64);
const TASK_TOKEN: Shape = secret(1, 2048);
const SENSITIVE_ERROR: Shape = secret(0, 256);
const SENSITIVE_CAUSE: Shape = secret(0, 32768);
const SENSITIVE_DATA: Shape = secret(0, 262144);
const TRACE_HEADER: Shape = text(0, 256);
const INSPECTION_LEVEL: Shape = Shape::Choice(&["INFO", "DEBUG", "TRACE"]);
const TEST_STATE_STATE_NAME: Shape = secret(1, 80);
const MOCK_ERROR_OUTPUT: Shape =
    Shape::Object(&[may("error", &SENSITIVE_ERROR), may("cause", &SENSITIVE_CAUSE)]);
const MOCK_RESPONSE_VALIDATION_MODE: Shape = Shape::Choice(&["STRICT", "PRESENT", "NONE"]);
const MOCK_INPUT: Shape = Shape::Object(&[
    may("result", &SENSITIVE_DATA),
    may("errorOutput", &MOCK_ERROR_OUTPUT),
    may("fieldValidationMode", &MOCK_RESPONSE_VALIDATION_MODE),
]);
const TEST_STATE_CONFIGURATION: Shape = Shape::Object(&[
    may("retrierRetryCount", &Shape::Integer { min: 0, max: i64::MAX }),
    may("errorCausedByState", &TEST_STATE_STATE_NAME),
    may("mapIterationFailureCount", &Shape::Integer { min: 0, max: i64::MAX }),
    may("mapItemReaderData", &SENSITIVE_DATA),
]);
const TAG_KEY_LIST: Shape = Shape::List { min: 0, max: usize::MAX, of: &TAG_KEY };
const VALIDATE_STATE_MACHINE_DEFINITION_SEVERITY: Shape = Shape::Choice(&["ERROR", "WARNING"]);

/// Of `CreateActivity`.
pub const CREATE_ACTIVITY: Shape = Shape::Object(&[
    need("name", &NAME),
    may("tags", &TAG_LIST),
    may("encryptionConfiguration", &ENCRYPTION_CONFIGURATION),
]);

/// Of `CreateStateMachine`.
pub const CREATE_STATE_MACHINE: Shape = Shape::Object(&[
    need("name", &NAME),
    need("definition", &DEFINITION),
    need("roleArn", &ARN),
    may("type", &STATE_MACHINE_TYPE),
    may("loggingConfiguration", &LOGGING_CONFIGURATION),
    may("tags", &TAG_LIST),
    may("tracingConfiguration", &TRACING_CONFIGURATION),
    may("publish", &Shape::Bool),
    may("versionDescription", &VERSION_DESCRIPTION),
    may("encryptionConfiguration", &ENCRYPTION_CONFIGURATION),
]);

/// Of `CreateStateMachineAlias`.
pub const CREATE_STATE_MACHINE_ALIAS: Shape = Shape::Object(&[
    may("description", &ALIAS_DESCRIPTION),
    need("name", &CHARACTER_RESTRICTED_NAME),
    need("routingConfiguration", &ROUTING_CONFIGURATION_LIST),
]);

/// Of `DeleteActivity`.
pub const DELETE_ACTIVITY: Shape = Shape::Object(&[need("activityArn", &ARN)]);

/// Of `DeleteStateMachine`.
pub const DELETE_STATE_MACHINE: Shape = Shape::Object(&[need("stateMachineArn", &ARN)]);

/// Of `DeleteStateMachineAlias`.
pub const DELETE_STATE_MACHINE_ALIAS: Shape = Shape::Object(&[need("stateMachineAliasArn", &ARN)]);

/// Of `DeleteStateMachineVersion`.
pub const DELETE_STATE_MACHINE_VERSION: Shape = Shape::Object(&[need("stateMachineVersionArn", &LONG_ARN)]);

/// Of `DescribeActivity`.
pub const DESCRIBE_ACTIVITY: Shape = Shape::Object(&[need("activityArn", &ARN)]);

/// Of `DescribeExecution`.
pub const DESCRIBE_EXECUTION: Shape =
    Shape::Object(&[need("executionArn", &ARN), may("includedData", &INCLUDED_DATA)]);

/// Of `DescribeMapRun`.
pub const DESCRIBE_MAP_RUN: Shape = Shape::Object(&[need("mapRunArn", &LONG_ARN)]);

/// Of `DescribeStateMachine`.
pub const DESCRIBE_STATE_MACHINE: Shape =
    Shape::Object(&[need("stateMachineArn", &ARN), may("includedData", &INCLUDED_DATA)]);

/// Of `DescribeStateMachineAlias`.
pub const DESCRIBE_STATE_MACHINE_ALIAS: Shape = Shape::Object(&[need("stateMachineAliasArn", &ARN)]);

/// Of `DescribeStateMachineForExecution`.
pub const DESCRIBE_STATE_MACHINE_FOR_EXECUTION: Shape =
    Shape::Object(&[need("executionArn", &ARN), may("includedData", &INCLUDED_DATA)]);

/// Of `GetActivityTask`.
pub const GET_ACTIVITY_TASK: Shape = Shape::Object(&[need("activityArn", &ARN), may("workerName", &NAME)]);

/// Of `GetExecutionHistory`.
pub const GET_EXECUTION_HISTORY: Shape = Shape::Object(&[
    need("executionArn", &ARN),
    may("maxResults", &Shape::Integer { min: 0, max: 1000 }),
    may("reverseOrder", &Shape::Bool),
    may("nextToken", &PAGE_TOKEN),
    may("includeExecutionData", &Shape::Bool),
]);

/// Of `ListActivities`.
pub const LIST_ACTIVITIES: Shape =
    Shape::Object(&[may("maxResults", &Shape::Integer { min: 0, max: 1000 }), may("nextToken", &PAGE_TOKEN)]);

/// Of `ListExecutions`.
pub const LIST_EXECUTIONS: Shape = Shape::Object(&[
    may("stateMachineArn", &ARN),
    may("statusFilter", &EXECUTION_STATUS),
    may("maxResults", &Shape::Integer { min: 0, max: 1000 }),
    may("nextToken", &LIST_EXECUTIONS_PAGE_TOKEN),
    may("mapRunArn", &LONG_ARN),
    may("redriveFilter", &EXECUTION_REDRIVE_FILTER),
]);

/// Of `ListMapRuns`.
pub const LIST_MAP_RUNS: Shape = Shape::Object(&[
    need("executionArn", &ARN),
    may("maxResults", &Shape::Integer { min: 0, max: 1000 }),
    may("nextToken", &PAGE_TOKEN),
]);

/// Of `ListStateMachineAliases`.
pub const LIST_STATE_MACHINE_ALIASES: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("nextToken", &PAGE_TOKEN),
    may("maxResults", &Shape::Integer { min: 0, max: 1000 }),
]);

/// Of `ListStateMachineVersions`.
pub const LIST_STATE_MACHINE_VERSIONS: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("nextToken", &PAGE_TOKEN),
    may("maxResults", &Shape::Integer { min: 0, max: 1000 }),
]);

/// Of `ListStateMachines`.
pub const LIST_STATE_MACHINES: Shape =
    Shape::Object(&[may("maxResults", &Shape::Integer { min: 0, max: 1000 }), may("nextToken", &PAGE_TOKEN)]);

/// Of `ListTagsForResource`.
pub const LIST_TAGS_FOR_RESOURCE: Shape = Shape::Object(&[need("resourceArn", &ARN)]);

/// Of `PublishStateMachineVersion`.
pub const PUBLISH_STATE_MACHINE_VERSION: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("revisionId", &REVISION_ID),
    may("description", &VERSION_DESCRIPTION),
]);

/// Of `RedriveExecution`.
pub const REDRIVE_EXECUTION: Shape =
    Shape::Object(&[need("executionArn", &ARN), may("clientToken", &CLIENT_TOKEN)]);

/// Of `SendTaskFailure`.
pub const SEND_TASK_FAILURE: Shape = Shape::Object(&[
    need("taskToken", &TASK_TOKEN),
    may("error", &SENSITIVE_ERROR),
    may("cause", &SENSITIVE_CAUSE),
]);

/// Of `SendTaskHeartbeat`.
pub const SEND_TASK_HEARTBEAT: Shape = Shape::Object(&[need("taskToken", &TASK_TOKEN)]);

/// Of `SendTaskSuccess`.
pub const SEND_TASK_SUCCESS: Shape =
    Shape::Object(&[need("taskToken", &TASK_TOKEN), need("output", &SENSITIVE_DATA)]);

/// Of `StartExecution`.
pub const START_EXECUTION: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("name", &NAME),
    may("input", &SENSITIVE_DATA),
    may("traceHeader", &TRACE_HEADER),
]);

/// Of `StartSyncExecution`.
pub const START_SYNC_EXECUTION: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("name", &NAME),
    may("input", &SENSITIVE_DATA),
    may("traceHeader", &TRACE_HEADER),
    may("includedData", &INCLUDED_DATA),
]);

/// Of `StopExecution`.
pub const STOP_EXECUTION: Shape = Shape::Object(&[
    need("executionArn", &ARN),
    may("error", &SENSITIVE_ERROR),
    may("cause", &SENSITIVE_CAUSE),
]);

/// Of `TagResource`.
pub const TAG_RESOURCE: Shape = Shape::Object(&[need("resourceArn", &ARN), need("tags", &TAG_LIST)]);

/// Of `TestState`.
pub const TEST_STATE: Shape = Shape::Object(&[
    need("definition", &DEFINITION),
    may("roleArn", &ARN),
    may("input", &SENSITIVE_DATA),
    may("inspectionLevel", &INSPECTION_LEVEL),
    may("revealSecrets", &Shape::Bool),
    may("variables", &SENSITIVE_DATA),
    may("stateName", &TEST_STATE_STATE_NAME),
    may("mock", &MOCK_INPUT),
    may("context", &SENSITIVE_DATA),
    may("stateConfiguration", &TEST_STATE_CONFIGURATION),
]);

/// Of `UntagResource`.
pub const UNTAG_RESOURCE: Shape = Shape::Object(&[need("resourceArn", &ARN), need("tagKeys", &TAG_KEY_LIST)]);

/// Of `UpdateMapRun`.
pub const UPDATE_MAP_RUN: Shape = Shape::Object(&[
    need("mapRunArn", &LONG_ARN),
    may("maxConcurrency", &Shape::Integer { min: 0, max: i64::MAX }),
    may("toleratedFailurePercentage", &Shape::Number { min: 0.0, max: 100.0 }),
    may("toleratedFailureCount", &Shape::Integer { min: 0, max: i64::MAX }),
]);

/// Of `UpdateStateMachine`.
pub const UPDATE_STATE_MACHINE: Shape = Shape::Object(&[
    need("stateMachineArn", &ARN),
    may("definition", &DEFINITION),
    may("roleArn", &ARN),
    may("loggingConfiguration", &LOGGING_CONFIGURATION),
    may("tracingConfiguration", &TRACING_CONFIGURATION),
    may("publish", &Shape::Bool),
    may("versionDescription", &VERSION_DESCRIPTION),
    may("encryptionConfiguration", &ENCRYPTION_CONFIGURATION),
]);

/// Of `UpdateStateMachineAlias`.
pub const UPDATE_STATE_MACHINE_ALIAS: Shape = Shape::Object(&[
    need("stateMachineAliasArn", &ARN),
    may("description", &ALIAS_DESCRIPTION),
    may("routingConfiguration", &ROUTING_CONFIGURATION_LIST),
]);

/// Of `ValidateStateMachineDefinition`.
pub const VALIDATE_STATE_MACHINE_DEFINITION: Shape = Shape::Object(&[
    need("definition", &DEFINITION),
    may("type", &STATE_MACHINE_TYPE),
    may("severity", &VALIDATE_STATE_MACHINE_DEFINITION_SEVERITY),
    may("maxResults", &Shape::Integer { min: 0, max: 100 }),
]);
