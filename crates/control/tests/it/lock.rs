//! Claims about locks in the engine's records: one holder among many, growing tokens, damage is told.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shipway_asl::Timestamp;
use shipway_control::{
    app::LockBreak,
    lock::{Claim, LEASE_MILLIS, records::Locks},
};
use shipway_engine::{Builder, Config, Engine, Expected, Put, VirtualClock};
use tokio_util::sync::CancellationToken;

use crate::deployer_rig::run;

async fn engine() -> Engine {
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let builder = Builder::new(shipway_engine::memory_store(), clock, Config::default());
    builder.start(CancellationToken::new()).await.unwrap()
}

fn claim(holder: &str) -> Claim {
    Claim {
        holder: holder.to_owned(),
        execution_arn: format!("arn:{holder}"),
        actor: "ana".to_owned(),
        reason: None,
    }
}

const AT: Timestamp = Timestamp(1);
const LATE: Timestamp = Timestamp(1 + LEASE_MILLIS as i64);

#[test]
fn of_many_who_ask_at_once_one_gets_it_and_the_others_learn_who() {
    run(async {
        let locks = Locks::new(engine().await);
        let claims: Vec<Claim> = (0..10).map(|n| claim(&format!("d{n}"))).collect();
        let asked = join_all(claims.iter().map(|claim| locks.acquire("p", "e", claim, AT))).await;
        let got: Vec<_> = asked.iter().filter_map(|asked| asked.as_ref().ok()).collect();
        assert_eq!(got.len(), 1);
        for refused in asked.iter().filter_map(|asked| asked.as_ref().err()) {
            let told = format!("lock `p/e` is held by deployment `{}` of `ana`", got[0].holder);
            assert!(refused.to_string().starts_with(&told), "{refused}");
        }
    });
}

#[test]
fn tokens_grow_over_release_take_over_and_deletion() {
    run(async {
        let engine = engine().await;
        let locks = Locks::new(engine.clone());
        let first = locks.acquire("p", "e", &claim("a"), AT).await.unwrap().token;
        assert_eq!(locks.acquire("p", "e", &claim("a"), AT).await.unwrap().token, first, "the same holder");
        locks.release("p", "e", "a", AT).await.unwrap();
        locks.release("p", "e", "a", AT).await.unwrap();
        let second = locks.acquire("p", "e", &claim("b"), AT).await.unwrap().token;
        let third = locks.acquire("p", "e", &claim("c"), LATE).await.unwrap().token;
        let deleted = Put { key: "lock/p/e".to_owned(), expected: Expected::Any, value: Value::Null };
        engine.put(vec![deleted]).await.unwrap();
        let fourth = locks.acquire("p", "e", &claim("d"), LATE).await.unwrap().token;
        assert!(first < second && second < third && third < fourth);
    });
}

#[test]
fn a_holder_that_was_taken_over_cannot_renew_and_releases_nothing() {
    run(async {
        let locks = Locks::new(engine().await);
        locks.acquire("p", "e", &claim("a"), AT).await.unwrap();
        locks.acquire("p", "e", &claim("b"), LATE).await.unwrap();
        let lost = locks.renew("p", "e", "a", LATE).await.unwrap_err();
        assert_eq!(lost.to_string(), "lock `p/e` is not held by `a` any more");
        locks.release("p", "e", "a", LATE).await.unwrap();
        assert_eq!(locks.read("p", "e").await.unwrap().hold().unwrap().holder, "b");
    });
}

#[test]
fn environments_of_an_organisation_and_of_its_project_do_not_share_a_lock() {
    run(async {
        let locks = Locks::new(engine().await);
        locks.acquire("acme/shop", "e", &claim("a"), AT).await.unwrap();
        locks.acquire("acme", "shop", &claim("b"), AT).await.unwrap();
        locks.acquire("acme", "e", &claim("c"), AT).await.unwrap();
    });
}

#[test]
fn locks_that_are_held_are_counted_and_free_ones_are_not() {
    run(async {
        let locks = Locks::new(engine().await);
        assert_eq!(locks.held().await.unwrap(), 0);
        // More than are read at once.
        for number in 0..203 {
            locks.acquire("p", &format!("e{number}"), &claim("a"), AT).await.unwrap();
        }
        locks.release("p", "e7", "a", LATE).await.unwrap();
        let by = LockBreak { actor: "bo".to_owned(), reason: "dirty".to_owned(), at: LATE };
        locks.break_lock("p", "e9", &by, LATE).await.unwrap();
        assert_eq!(locks.held().await.unwrap(), 201);
    });
}

#[test]
fn a_damaged_lock_is_held_by_nobody_and_given_to_nobody() {
    run(async {
        let engine = engine().await;
        let put = Put { key: "lock/p/e".to_owned(), expected: Expected::Any, value: json!({"state": "odd"}) };
        engine.put(vec![put]).await.unwrap();
        let locks = Locks::new(engine);
        assert_eq!(locks.held().await.unwrap(), 1);
        let refused = locks.acquire("p", "e", &claim("a"), AT).await.unwrap_err();
        assert!(refused.to_string().starts_with("lock `p/e` is damaged"), "{refused}");
    });
}
