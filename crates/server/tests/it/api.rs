//! The REST API: answers, problems, and that its document tells the truth.

use axum::body::Body;
use expect_test::{Expect, expect};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    fixture::{FAILED, RUNNING},
    support::{Server, request},
};

const SHA: &str = "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f";

async fn deploy_body(server: &Server, environment: &str) -> Value {
    let mut release = server.get(&format!("/v1/deployments/{RUNNING}")).await.json()["release"].clone();
    release["config_name"] = json!(environment);
    json!({"release": release, "actor": "dana"})
}

async fn problem(path: &str, body: &str, expected: Expect) {
    let server = Server::new();
    let answer = if body.is_empty() { server.get(path).await } else { server.post(path, body).await };
    expected.assert_eq(&answer.problem());
}

#[tokio::test]
async fn a_deployment_is_accepted() {
    let server = Server::new();
    let body = deploy_body(&server, "staging").await;
    let answer = server.post("/v1/deployments", body.to_string()).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::ACCEPTED, &*format!("/v1/deployments/{RUNNING}"))
    );
    assert_eq!(*server.app.asked.lock().unwrap(), ["deploy 1.9.0 by dana key key-1"]);
}

#[tokio::test]
async fn a_held_lock_is_shown_with_its_holder() {
    let server = Server::new();
    let body = deploy_body(&server, "production").await;
    let answer = server.post("/v1/deployments", body.to_string()).await;
    expect![[r#"
        {
          "type": "https://shipway.dev/errors/locked",
          "title": "The lock is held",
          "status": 409,
          "detail": "`acme/shop/production` is locked by deployment `acme-shop-production-kqzwvte` of `dana` since 2026-11-21T04:59:51.605Z",
          "code": "locked",
          "lock": {
            "key": "acme/shop/production",
            "holder": "acme-shop-production-kqzwvte",
            "actor": "dana",
            "reason": "SHOP-218",
            "since": 1795237191605,
            "expires_at": 1795237222000,
            "token": 42
          }
        }
    "#]]
    .assert_eq(&answer.problem());
}

#[tokio::test]
async fn a_bad_release_names_its_field() {
    let server = Server::new();
    let mut body = deploy_body(&server, "staging").await;
    body["release"]["services"] = json!({});
    let answer = server.post("/v1/deployments", body.to_string()).await;
    expect![[r#"
        {
          "type": "https://shipway.dev/errors/bad_request",
          "title": "The request is not valid",
          "status": 400,
          "detail": "`release.services`: there is no service",
          "code": "bad_request",
          "field": "release.services",
          "hint": "name at least one service"
        }
    "#]]
    .assert_eq(&answer.problem());
}

#[tokio::test]
async fn wrong_json_is_told_with_its_place() {
    let server = Server::new();
    let good = deploy_body(&server, "staging").await;
    let mut wrong_type = good.clone();
    wrong_type["release"]["services"]["web"]["port"] = json!("http");
    let mut unknown = good.clone();
    unknown["release"]["services"]["web"]["prot"] = json!(1);
    let mut missing = good.clone();
    missing["release"].as_object_mut().unwrap().remove("version");
    let cases = [
        (wrong_type.to_string(), "release.services.web.port", "invalid type: string \"http\", expected u16"),
        (unknown.to_string(), "release.services.web.prot", "unknown field `prot`"),
        (missing.to_string(), "release.version", "missing field `version`"),
        ("{\"release\": ".to_owned(), "release", "EOF while parsing"),
    ];
    for (body, field, detail) in cases {
        let answer = server.post("/v1/deployments", body).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status, problem["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some(field)),
            "{problem:#}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem:#}");
    }
}

#[tokio::test]
async fn requests_that_cannot_be_understood_are_problems() {
    problem(
        "/v1/nothing",
        "",
        expect![[r#"
        {
          "type": "https://shipway.dev/errors/not_found",
          "title": "There is no such thing",
          "status": 404,
          "detail": "`/v1/nothing` does not exist",
          "code": "not_found",
          "hint": "the API is described by `/v1/openapi.json`"
        }
    "#]],
    )
    .await;
    problem(
        "/v1/services",
        "{}",
        expect![[r#"
        {
          "type": "https://shipway.dev/errors/method_not_allowed",
          "title": "The path does not know this method",
          "status": 405,
          "detail": "`/v1/services` does not know `POST`",
          "code": "method_not_allowed"
        }
    "#]],
    )
    .await;
    problem(
        "/v1/deployments?limit=501",
        "",
        expect![[r#"
        {
          "type": "https://shipway.dev/errors/bad_request",
          "title": "The request is not valid",
          "status": 400,
          "detail": "`limit` is 501, it must be 1 to 500",
          "code": "bad_request",
          "field": "limit"
        }
    "#]],
    )
    .await;
    problem("/v1/deployments?limt=5", "", expect![[r#"
        {
          "type": "https://shipway.dev/errors/bad_request",
          "title": "The request is not valid",
          "status": 400,
          "detail": "Failed to deserialize query string: limt: unknown field `limt`, expected one of `project`, `environment`, `after`, `limit`",
          "code": "bad_request",
          "field": "query"
        }
    "#]]).await;
    problem(
        &format!("/v1/deployments/{FAILED}/halt"),
        "{\"actor\": \"lee\", \"reason\": \"no\"}",
        expect![[r#"
        {
          "type": "https://shipway.dev/errors/refused",
          "title": "The state of things does not allow it",
          "status": 409,
          "detail": "deployment `acme-shop-production-bwrmxpd` has ended",
          "code": "refused",
          "hint": "shipway rollback starts the version before"
        }
    "#]],
    )
    .await;
    problem("/v1/services/Acme/production/web", "", expect![[r#"
        {
          "type": "https://shipway.dev/errors/bad_request",
          "title": "The request is not valid",
          "status": 400,
          "detail": "`Acme` is not a name: lower-case letters, digits and `-`, starting with a letter or digit, at most 40 characters",
          "code": "bad_request",
          "field": "project"
        }
    "#]]).await;
}

#[tokio::test]
async fn bodies_are_limited() {
    let server = Server::new();
    let answer = server.post("/v1/rollbacks", " ".repeat(1024 * 1024 + 1)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
    let mut too_large = request("PUT", &format!("/v1/artifacts/{SHA}"), Body::empty());
    too_large.headers_mut().insert("content-length", "2147483649".parse().unwrap());
    assert_eq!(server.ask(too_large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut form = request("POST", "/v1/rollbacks", Body::from("a=b"));
    form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    assert_eq!(server.ask(form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn words_of_people_are_needed() {
    let server = Server::new();
    let path = format!("/v1/deployments/{RUNNING}/halt");
    for (body, field) in
        [(json!({"actor": " ", "reason": "x"}), "actor"), (json!({"actor": "a", "reason": ""}), "reason")]
    {
        assert_eq!(server.post(&path, body.to_string()).await.json()["field"], field);
    }
    let mut no_key =
        request("POST", "/v1/deployments", Body::from(deploy_body(&server, "staging").await.to_string()));
    no_key.headers_mut().remove("idempotency-key");
    assert_eq!(server.ask(no_key).await.json()["field"], "Idempotency-Key");
}

#[tokio::test]
async fn halt_and_rollback_reach_the_application() {
    let server = Server::new();
    let halt =
        server.post(&format!("/v1/deployments/{RUNNING}/halt"), r#"{"actor": "lee", "reason": "no"}"#).await;
    let body = r#"{"project": "acme/shop", "environment": "production", "to": "1.7.3", "actor": "pat"}"#;
    let rollback = server.post("/v1/rollbacks", body).await;
    assert_eq!((halt.status, rollback.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    let asked = server.app.asked.lock().unwrap().join("\n");
    expect![[r#"
        halt acme-shop-production-kqzwvte by lee: no
        rollback acme/shop/production to Some("1.7.3") by pat"#]]
    .assert_eq(&asked);
}

#[tokio::test]
async fn artifacts_are_kept_once() {
    let server = Server::new();
    let path = format!("/v1/artifacts/{SHA}");
    assert_eq!(server.ask(request("HEAD", &path, Body::empty())).await.status, StatusCode::NOT_FOUND);
    let first = server.ask(request("PUT", &path, Body::from("good bytes"))).await;
    assert_eq!((first.status, first.json()), (StatusCode::CREATED, json!({"sha256": SHA, "received": 10})));
    assert_eq!(server.ask(request("HEAD", &path, Body::empty())).await.status, StatusCode::OK);
    let again = server.ask(request("PUT", &path, Body::from("good bytes"))).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, json!({"sha256": SHA, "received": null})));
}

#[tokio::test]
async fn a_wrong_artifact_leaves_nothing() {
    let server = Server::new();
    let wrong = server.ask(request("PUT", &format!("/v1/artifacts/{SHA}"), Body::from("bad bytes"))).await;
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (StatusCode::BAD_REQUEST, Some("sha256")));
    let name = server.ask(request("PUT", "/v1/artifacts/5F", Body::from("good"))).await;
    assert_eq!(name.status, StatusCode::BAD_REQUEST);
    assert_eq!(std::fs::read_dir(server.directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn pages_of_deployments_follow_each_other() {
    let server = Server::new();
    let first = server.get("/v1/deployments?project=acme/shop&environment=production&limit=3").await.json();
    assert_eq!((first["deployments"].as_array().unwrap().len(), &first["next"]), (3, &json!("3")));
    let second =
        server.get("/v1/deployments?project=acme/shop&environment=production&limit=3&after=3").await.json();
    assert_eq!((second["deployments"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    assert_eq!(server.get("/v1/deployments?environment=production").await.json()["field"], "project");
}

#[tokio::test]
async fn pages_of_events_follow_each_other() {
    let server = Server::new();
    let path = format!("/v1/deployments/{FAILED}/events");
    let first = server.get(&format!("{path}?limit=2")).await.json();
    assert_eq!((&first["next_after"], &first["is_end"]), (&json!(2), &json!(false)));
    let rest = server.get(&format!("{path}?after=2&limit=1000")).await.json();
    assert_eq!((&rest["events"][0]["id"], &rest["is_end"]), (&json!(3), &json!(true)));
    let after_the_end = server.get(&format!("{path}?after=9999")).await.json();
    assert_eq!((&after_the_end["events"], &after_the_end["is_end"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn a_project_with_an_owner_has_a_path() {
    let server = Server::new();
    let service = server.get("/v1/services/acme~shop/production/web").await.json();
    assert_eq!((&service["project"], &service["version"]), (&json!("acme/shop"), &json!("1.8.0")));
    let log = server.get("/v1/services/acme~shop/production/web/logs?lines=3").await.json();
    assert_eq!((log["lines"].as_array().unwrap().len(), &log["cursor"]), (3, &json!("24")));
    let lock = server.get("/v1/locks/acme~shop/production").await.json();
    assert_eq!(lock["token"], 42);
    let free = server.get("/v1/locks/blog/production").await.json();
    assert_eq!((&free["holder"], &free["token"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn health_tells_of_the_store() {
    let server = Server::new();
    assert_eq!(server.get("/v1/health").await.json()["is_store_ok"], true);
    server.app.is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let broken = server.get("/v1/health").await;
    assert_eq!(
        (broken.status, broken.json()["store_error"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("reading failed: disk full"))
    );
}

#[tokio::test]
async fn metrics_count_each_deployment_once() {
    let server = Server::new();
    server.get("/metrics").await;
    server.app.advance(1_000);
    let text = server.get("/metrics").await.body;
    let shown: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with("shipway_deployments")
                || line.starts_with("shipway_locks")
                || line.starts_with("shipway_edge_requests_total")
        })
        .collect();
    expect![[r#"
        shipway_deployments_total{outcome="succeeded"} 4
        shipway_deployments_total{outcome="failed_clean"} 1
        shipway_deployments_total{outcome="failed_dirty"} 1
        shipway_deployments_total{outcome="halted"} 1
        shipway_deployments_running 0
        shipway_locks_held 1
        shipway_edge_requests_total{project="acme/shop",environment="production",service="web",version="1.8.0"} 1284022
        shipway_edge_requests_total{project="acme/shop",environment="production",service="web",version="1.8.1"} 312
        shipway_edge_requests_total{project="acme/shop",environment="production",service="web",version="1.9.0"} 611
        shipway_edge_requests_total{project="acme/shop",environment="staging",service="web",version="1.9.0-rc.2"} 4102"#]]
    .assert_eq(&shown.join("\n"));
    assert!(
        text.contains("shipway_deployment_duration_seconds_bucket{outcome=\"failed_clean\",le=\"10\"} 1\n")
    );
}

/// A value has what its schema says, and nothing else.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(&name[1..]).unwrap_or_else(|| panic!("{place}: {name} is not there"));
        return check(document, target, value, place);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let is_null = |option: &&Value| option["type"] == "null";
        if value.is_null() {
            assert!(options.iter().any(|option| is_null(&option)), "{place} is null");
        } else if options.iter().any(|option| is_null(&option)) {
            check(document, &options[0], value, place);
        }
        return;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        _ => return,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&kind), "{place} is {kind}, not {kinds:?}");
    if let Some(options) = schema["enum"].as_array() {
        assert!(options.contains(value), "{place}: {value}");
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{place}[{number}]"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place} has no {name}");
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let known = schema["properties"].get(name);
        assert!(
            known.is_some() || schema["additionalProperties"] != false,
            "{place}.{name} is not in the schema"
        );
        check(document, known.unwrap_or(&schema["additionalProperties"]), field, &format!("{place}.{name}"));
    }
}

#[tokio::test]
async fn the_document_describes_the_answers() {
    let server = Server::new();
    let document = server.get("/v1/openapi.json").await.json();
    let cases = [
        ("/v1/deployments", "/v1/deployments".to_owned()),
        ("/v1/deployments/{id}", format!("/v1/deployments/{FAILED}")),
        ("/v1/deployments/{id}/steps", format!("/v1/deployments/{FAILED}/steps")),
        ("/v1/deployments/{id}/events", format!("/v1/deployments/{FAILED}/events")),
        ("/v1/services", "/v1/services".to_owned()),
        (
            "/v1/services/{project}/{environment}/{service}",
            "/v1/services/acme~shop/production/web".to_owned(),
        ),
        (
            "/v1/services/{project}/{environment}/{service}/logs",
            "/v1/services/acme~shop/production/web/logs".to_owned(),
        ),
        ("/v1/releases", "/v1/releases?project=acme/shop&environment=production".to_owned()),
        ("/v1/locks/{project}/{environment}", "/v1/locks/acme~shop/production".to_owned()),
        ("/v1/health", "/v1/health".to_owned()),
    ];
    for (path, address) in &cases {
        let answer = server.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}");
        let schema =
            &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{path}");
        check(&document, schema, &answer.json(), path);
    }
    let reads =
        document["paths"].as_object().unwrap().iter().filter(|(_, methods)| methods.get("get").is_some());
    let unread: Vec<&String> =
        reads.map(|(path, _)| path).filter(|path| !cases.iter().any(|(known, _)| known == path)).collect();
    // WHY: the fixture keeps no keys and has no engine; `signed.rs` and the binary's tests read those. It runs no
    // functions either.
    let functions = ["/v1/functions", "/v1/functions/{name}", "/v1/functions/{name}/logs"];
    let others: [&[&str]; 3] =
        [&["/v1/machines/{name}/logs", "/v1/keys"], &functions, &["/v1/openapi.json", "/metrics"]];
    assert_eq!(unread, others.concat());
}

#[tokio::test]
async fn the_document_names_only_schemas_that_it_has() {
    let document = shipway_server::openapi();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_secured = operation.get("security").is_some();
            assert_eq!(is_secured, !matches!(method.as_str(), "get" | "head"), "{method} {path}");
        }
    }
}
