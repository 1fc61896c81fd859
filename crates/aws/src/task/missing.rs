//! Parameters that an action cannot do without. AWS's services refuse a call that lacks one or has it empty; endpoints
//! that stand in for them often break over it, so such a call is not sent and fails in the services' words.

use serde_json::Value;

use crate::{
    client::{CallError, Class},
    models::{Kind, Member, Operation, Protocol},
};

/// What the service would say of an input that lacks a member, or has an empty one where it takes none; nothing if the
/// input is whole.
pub fn missing(operation: Operation<'_>, input: &Value) -> Option<CallError> {
    let Kind::Structure(structure) = operation.input()?.kind() else { return None };
    let members = structure.members().filter(|it| !it.is_idempotency_token() && it.location().is_none());
    let lacking: Vec<(Member<'_>, Lack)> =
        members.filter_map(|member| Some((member, lack(member, input)?))).collect();
    let service = operation.service();
    let is_null = |(_, lack): &&(Member<'_>, Lack)| *lack == Lack::Null;
    let (code, message) = match service.metadata().spoken() {
        Protocol::Query => of_query(&lacking.iter().find(is_null)?.0),
        Protocol::Json if service.metadata().is_query_compatible() => {
            of_query(&lacking.iter().find(is_null)?.0)
        }
        Protocol::Json if !lacking.is_empty() => ("ValidationException", of_json(&lacking)),
        // WHY: nothing is known of how the others say it.
        Protocol::Json | Protocol::Ec2 | Protocol::RestJson | Protocol::RestXml | Protocol::RpcV2Cbor => {
            return None;
        }
    };
    Some(CallError {
        code: code.to_owned(),
        shape: service.error(code).map(|shape| shape.name().to_owned()),
        status: Some(400),
        attempts: 1,
        ..CallError::new(service.name(), operation.name(), Class::Refused, message)
    })
}

/// What is wrong with a member.
#[derive(Clone, Copy, PartialEq)]
enum Lack {
    /// It must be there and is not.
    Null,
    /// It is an empty text or list, and must have this length.
    Empty { shown: &'static str, least: f64 },
}

fn lack(member: Member<'_>, input: &Value) -> Option<Lack> {
    let empty = |shown| {
        let least = member.shape().bounds().min.filter(|least| *least >= 1.0)?;
        Some(Lack::Empty { shown, least })
    };
    match input.get(member.name()) {
        None | Some(Value::Null) => member.is_required().then_some(Lack::Null),
        Some(Value::String(text)) if text.is_empty() => empty(""),
        Some(Value::Array(items)) if items.is_empty() => empty("[]"),
        Some(_) => None,
    }
}

fn of_query(member: &Member<'_>) -> (&'static str, String) {
    ("MissingParameter", format!("The request must contain the parameter {}.", member.name()))
}

fn of_json(lacking: &[(Member<'_>, Lack)]) -> String {
    let count = lacking.len();
    let noun = if count == 1 { "error" } else { "errors" };
    let one = |(member, lack): &(Member<'_>, Lack)| {
        let name = member.name();
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        match lack {
            Lack::Null => {
                format!("Value null at '{name}' failed to satisfy constraint: Member must not be null")
            }
            Lack::Empty { shown, least } => format!(
                "Value '{shown}' at '{name}' failed to satisfy constraint: Member must have length greater than or \
                 equal to {least}"
            ),
        }
    };
    let all: Vec<String> = lacking.iter().map(one).collect();
    format!("{count} validation {noun} detected: {}", all.join("; "))
}
