//! Functions as Lambda's API describes them, for clients that look before they call. Variables are not shown.

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use serde_json::{Value, json};
use shipway_control::{
    app::Error,
    function::{FunctionStatus, Functions, Refusal, Runtime},
};

use super::{answer, reference};

/// `ListFunctions`, all on one page: there are as many as one page may have.
pub async fn list(State(functions): State<Functions>) -> Response {
    match functions.list().await {
        Ok(all) => {
            let all: Vec<Value> = all.iter().map(shown).collect();
            answer::document(&json!({"Functions": all}))
        }
        Err(error) => answer::refusal(&error.into()),
    }
}

/// `GetFunction`.
pub async fn function(
    State(functions): State<Functions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let document = |shown| json!({"Configuration": shown, "Code": {"RepositoryType": "local"}});
    found(&functions, &name, query.as_deref())
        .await
        .map_or_else(|refusal| answer::refusal(&refusal), |shown| answer::document(&document(shown)))
}

/// `GetFunctionConfiguration`.
pub async fn configuration(
    State(functions): State<Functions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    found(&functions, &name, query.as_deref())
        .await
        .map_or_else(|refusal| answer::refusal(&refusal), |shown| answer::document(&shown))
}

async fn found(functions: &Functions, name: &str, query: Option<&str>) -> Result<Value, Refusal> {
    let reference = reference(name, query)?;
    match functions.describe(&reference.name).await {
        Ok(function) => Ok(shown(&function)),
        Err(Error::NotFound { .. }) => Err(Refusal::NotFound { arn: functions.arn(&reference) }),
        Err(error) => Err(error.into()),
    }
}

fn shown(function: &FunctionStatus) -> Value {
    let runtime = match function.runtime {
        Runtime::Python => "python3",
        Runtime::Node => "nodejs",
        Runtime::Provided => "provided",
    };
    json!({
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": runtime,
        "Role": "",
        "Handler": function.handler,
        "CodeSize": 0,
        "Description": "",
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "LastModified": function.registered_at.to_string().replace('Z', "+0000"),
        "CodeSha256": "",
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": function.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
    })
}
