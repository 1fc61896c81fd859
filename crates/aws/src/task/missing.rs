//! Parameters that an action cannot do without. AWS's services refuse a call that lacks one; endpoints that stand in for
//! them often break over it, so such a call is not sent and fails in the services' words.

use serde_json::Value;

use crate::{
    client::{CallError, Class},
    models::{Kind, Member, Operation, Protocol},
};

/// What the service would say of an input that lacks a member; none if the input is whole.
pub fn missing(operation: Operation<'_>, input: &Value) -> Option<CallError> {
    let Kind::Structure(structure) = operation.input()?.kind() else { return None };
    let is_missing = |member: &Member<'_>| input.get(member.name()).is_none_or(Value::is_null);
    let is_filled = |member: &Member<'_>| member.is_idempotency_token() || member.location().is_some();
    let lacking: Vec<Member<'_>> =
        structure.required().filter(|member| is_missing(member) && !is_filled(member)).collect();
    let first = lacking.first()?;
    let service = operation.service();
    let (code, message) = match service.metadata().spoken() {
        Protocol::Query => of_query(first),
        Protocol::Json if service.metadata().is_query_compatible() => of_query(first),
        Protocol::Json => ("ValidationException", of_json(&lacking)),
        // WHY: nothing is known of how these say it.
        Protocol::Ec2 | Protocol::RestJson | Protocol::RestXml | Protocol::RpcV2Cbor => return None,
    };
    Some(CallError {
        code: code.to_owned(),
        shape: service.error(code).map(|shape| shape.name().to_owned()),
        status: Some(400),
        attempts: 1,
        ..CallError::new(service.name(), operation.name(), Class::Refused, message)
    })
}

fn of_query(member: &Member<'_>) -> (&'static str, String) {
    ("MissingParameter", format!("The request must contain the parameter {}.", member.name()))
}

fn of_json(lacking: &[Member<'_>]) -> String {
    let count = lacking.len();
    let noun = if count == 1 { "error" } else { "errors" };
    let one = |member: &Member<'_>| {
        let name = member.name();
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        format!("Value null at '{name}' failed to satisfy constraint: Member must not be null")
    };
    let all: Vec<String> = lacking.iter().map(one).collect();
    format!("{count} validation {noun} detected: {}", all.join("; "))
}
