//! Signed calls against the whole router: who gets in, what becomes of tampered, repeated and late ones.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shipway_asl::Timestamp;
use shipway_control::access::{Keys, Master};
use shipway_engine::{Builder, Config as EngineConfig, VirtualClock, memory_store};
use shipway_server::{Config, router, states};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use super::signer::Signer;
use crate::{fixture::Fixture, support::TOKEN};

const UNKNOWN: &str = "UnrecognizedClientException: The security token included in the request is invalid.";

/// A server that anybody on the network reaches.
struct World {
    router: Router,
    keys: Keys,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let stop = CancellationToken::new();
        let clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000), 7));
        let place = EngineConfig { region: "eu-west-1".to_owned(), ..EngineConfig::default() };
        let engine = Builder::new(memory_store(), clock, place).start(stop.clone()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let app = Fixture::new(directory.path());
        app.engine.set(engine.clone()).ok().unwrap();
        let keys = Keys::new(engine, Master::new([7; 32]));
        let listen = ([10, 0, 0, 1], 7420).into();
        let config = Config {
            listen,
            token: TOKEN.to_owned(),
            allowed_hosts: vec!["shipway.test".to_owned()],
            states: states::Config { keys: Some(keys.clone()), ..states::Config::default() },
        };
        let router = router(&config, listen, app, stop.clone());
        Self { router, keys, _stop: stop.drop_guard(), _directory: directory }
    }

    async fn signer(&self) -> Signer {
        let (key, secret) = self.keys.create("pat").await.unwrap();
        Signer {
            id: key.id,
            secret,
            date: "20231114T221320Z".to_owned(),
            region: "eu-west-1".to_owned(),
            host: "shipway.test:7420".to_owned(),
        }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// What a refused call is told.
    async fn refused(&self, request: Request<Body>) -> String {
        let (status, answer) = self.ask(request).await;
        assert!(status.is_client_error(), "{answer}");
        format!("{}: {}", answer["__type"].as_str().unwrap(), answer["message"].as_str().unwrap())
    }

    async fn good(&self, request: Request<Body>) -> Value {
        let (status, answer) = self.ask(request).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Asks the REST API with the token, or without.
    async fn rest(&self, method: &str, path: &str, has_token: bool) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "shipway.test")
            .header("content-type", "application/json");
        if has_token {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        self.ask(request.body(Body::from(r#"{"actor": "kim"}"#)).unwrap()).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_signs_with_a_key_gets_in_at_every_name_of_the_server() {
    let world = World::new().await;
    let signer = world.signer().await;
    assert_eq!(world.good(signer.call("ListActivities", "{}", "1")).await, json!({"activities": []}));
    for host in ["sync-shipway.test:7420", "states.shipway.test", "sync-states.shipway.test", "localhost"] {
        let signer = Signer { host: host.to_owned(), ..signer.clone() };
        world.good(signer.call("ListActivities", "{}", "1")).await;
    }
    world.good(signer.call("CreateActivity", r#"{"name": "a"}"#, "1")).await;
    let used = world.keys.list().await.unwrap();
    assert_eq!(used[0].last_used_at, Some(Timestamp(1_700_000_000_000)));
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_on_the_way_does_nothing() {
    let world = World::new().await;
    let signer = world.signer().await;
    let good = || signer.call("CreateActivity", r#"{"name": "a"}"#, "1");
    let with = |name: &'static str, value: &str| {
        let mut request = good();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let (parts, _) = good().into_parts();
    let mismatch = "InvalidSignatureException: The request signature we calculated does not match";
    let cases = [
        (Request::from_parts(parts, Body::from(r#"{"name": "b"}"#)), mismatch),
        (with("x-amz-target", "AWSStepFunctions.DeleteActivity"), mismatch),
        (with("host", "localhost:7420"), mismatch),
        (with("amz-sdk-invocation-id", "2"), mismatch),
        (with("x-amz-date", "20231114T221321Z"), mismatch),
        (with("x-amz-extra", "1"), "InvalidSignatureException: There were headers present"),
        (with("x-amz-security-token", "t"), "InvalidSignatureException: There were headers present"),
        (with("authorization", "AWS4-HMAC-SHA256 x"), "IncompleteSignatureException: "),
        (with("authorization", &format!("Bearer {TOKEN}")), "MissingAuthenticationTokenException: "),
    ];
    for (request, why) in cases {
        let refusal = world.refused(request).await;
        assert!(refusal.starts_with(why), "{refusal} is not {why}");
    }
    let left = world.good(signer.call("ListActivities", "{}", "2")).await;
    assert_eq!(left, json!({"activities": []}));
}

#[tokio::test(start_paused = true)]
async fn a_signature_for_another_time_or_place_is_refused() {
    let world = World::new().await;
    let signer = world.signer().await;
    let cases = [
        (Signer { date: "20231114T220819Z".to_owned(), ..signer.clone() }, "Signature expired"),
        (Signer { date: "20231114T221821Z".to_owned(), ..signer.clone() }, "Signature not yet current"),
        (Signer { region: "us-east-1".to_owned(), ..signer.clone() }, "This server's is 'eu-west-1'"),
    ];
    for (signer, why) in cases {
        let refusal = world.refused(signer.call("ListActivities", "{}", "1")).await;
        assert!(refusal.starts_with("InvalidSignatureException: ") && refusal.contains(why), "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_changes_something_is_good_once() {
    let world = World::new().await;
    let signer = world.signer().await;
    let machine = json!({
        "name": "m",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "definition": r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#,
    });
    let machine = world.good(signer.call("CreateStateMachine", &machine.to_string(), "1")).await;
    let start = json!({"stateMachineArn": machine["stateMachineArn"]}).to_string();
    world.good(signer.call("StartExecution", &start, "1")).await;
    let again = world.refused(signer.call("StartExecution", &start, "1")).await;
    assert!(
        again.starts_with("ThrottlingException: Rate exceeded: the signature was used before"),
        "{again}"
    );
    world.good(signer.call("StartExecution", &start, "2")).await;
    let list = world.good(signer.call("ListExecutions", &start, "1")).await;
    assert_eq!(list["executions"].as_array().unwrap().len(), 2);
    assert_eq!(
        world.good(signer.call("ListExecutions", &start, "1")).await,
        list,
        "what only reads may repeat"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_unknown_disabled_or_deleted_cannot_be_told_apart() {
    let world = World::new().await;
    let (unknown, disabled, deleted) = (world.signer().await, world.signer().await, world.signer().await);
    let unknown = Signer { id: "SWAKAAAAAAAAAAAAAAAA".to_owned(), ..unknown };
    for signer in [&disabled, &deleted] {
        world.good(signer.call("ListActivities", "{}", "1")).await;
    }
    world.keys.disable(&disabled.id, "kim").await.unwrap();
    world.keys.delete(&deleted.id, "kim").await.unwrap();
    let foreign = Signer { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..unknown.clone() };
    let no_id = Signer { id: "..".to_owned(), ..unknown.clone() };
    for signer in [unknown, disabled, deleted, foreign, no_id] {
        assert_eq!(world.refused(signer.call("ListActivities", "{}", "1")).await, UNKNOWN, "{}", signer.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_refused_in_awss_words() {
    let world = World::new().await;
    let signer = Signer { secret: "wrong".to_owned(), ..world.signer().await };
    assert_eq!(
        world.refused(signer.call("ListActivities", "{}", "1")).await,
        "InvalidSignatureException: The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    );
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_listed_and_ended_with_the_token_only() {
    let world = World::new().await;
    for (method, path) in [
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/keys/SWAKA/disable"),
        ("POST", "/v1/keys/SWAKA/delete"),
    ] {
        assert_eq!(world.rest(method, path, false).await.0, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let (status, new) = world.rest("POST", "/v1/keys", true).await;
    assert_eq!(
        (status, new["actor"].as_str(), new["region"].as_str()),
        (StatusCode::CREATED, Some("kim"), Some("eu-west-1"))
    );
    let (id, secret) = (new["id"].as_str().unwrap(), new["secret"].as_str().unwrap());
    assert!(id.starts_with("SWAK") && id.len() == 20 && secret.len() == 40, "{id}");
    let (_, list) = world.rest("GET", "/v1/keys", true).await;
    assert_eq!(list["keys"][0]["id"], id);
    assert!(!list.to_string().contains(secret), "a secret is told once");
    let (status, disabled) = world.rest("POST", &format!("/v1/keys/{id}/disable"), true).await;
    assert_eq!((status, disabled["disabled_by"].as_str()), (StatusCode::OK, Some("kim")));
    assert_eq!(world.rest("POST", &format!("/v1/keys/{id}/delete"), true).await.0, StatusCode::OK);
    assert_eq!(world.rest("GET", "/v1/keys", true).await.1, json!({"keys": []}));
    for verb in ["disable", "delete"] {
        let (status, problem) = world.rest("POST", &format!("/v1/keys/{id}/{verb}"), true).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_the_store() {
    let world = World::new().await;
    let signer = world.signer().await;
    let records = world.keys.engine().records("", None, 1_000).await.unwrap();
    assert!(records.iter().any(|record| record.key.ends_with(&signer.id)));
    assert!(!format!("{records:?}").contains(&signer.secret));
}
