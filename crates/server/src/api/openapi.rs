//! The OpenAPI 3.1 document: paths from the slice of routes, schemas from a file. Invents nothing else.

use axum::{Json, response::IntoResponse};

use serde_json::{Map, Value, json};

use super::{Parameter, ROUTES, Route};
use crate::problem::{KINDS, Kind};

const SCHEMAS: &str = include_str!("schemas.json");

/// Serves the document.
pub async fn serve() -> impl IntoResponse {
    Json(document())
}

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Shipway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Deploys, and what came of them. Times are milliseconds since 1970-01-01T00:00:00Z.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": serde_json::from_str(SCHEMAS).unwrap_or(Value::Null),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": problem_response()},
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": path_parameters(route.path).chain(route.parameters.iter().map(parameter)).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    let Some(fields) = operation.as_object_mut() else { return operation };
    if let Some(body) = route.body {
        fields.insert("requestBody".to_owned(), json!({"required": true, "content": content(body)}));
    }
    if matches!(route.method, "get" | "head") {
        return operation;
    }
    fields.insert("security".to_owned(), json!([{"token": []}]));
    operation
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "description": parameter.summary,
        "schema": {"type": parameter.kind},
    })
}

fn responses(route: &Route) -> Value {
    let (status, schema) = route.answer;
    let mut good = json!({"description": "As asked."});
    if let (Some(schema), Some(fields)) = (schema, good.as_object_mut()) {
        fields.insert("content".to_owned(), content(schema));
    }
    let mut responses = Map::new();
    if route.body == Some("binary") {
        responses.insert("201".to_owned(), good.clone());
    }
    responses.insert(status.to_string(), good);
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    Value::Object(responses)
}

fn content(schema: &str) -> Value {
    match schema {
        "binary" => json!({"application/octet-stream": {}}),
        "text" => json!({"text/plain": {"schema": {"type": "string"}}}),
        "Document" => json!({"application/json": {"schema": {"type": "object"}}}),
        "Events" => json!({
            "application/json": {"schema": reference("Events")},
            "text/event-stream": {"schema": {"type": "string"}},
        }),
        name => json!({"application/json": {"schema": reference(name)}}),
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn problem_response() -> Value {
    let line = |kind: &Kind| format!("- {} `{}`: {}", kind.status.as_u16(), kind.code, kind.title);
    let kinds: Vec<String> = KINDS.iter().map(line).collect();
    json!({
        "description": format!("A problem (RFC 9457). Kinds by `code`:\n\n{}", kinds.join("\n")),
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    })
}
