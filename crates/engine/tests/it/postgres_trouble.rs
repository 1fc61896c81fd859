//! What a database does to its clients: dies, throws them out, serves somebody else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde_json::json;
use shipway_engine::{
    Expected, Put, Store, open_postgres,
    store::{Commit, Error},
};

use crate::postgres::Cluster;

fn put(key: &str, expected: Expected, value: u64) -> Commit {
    Commit { execution: None, records: vec![Put { key: key.to_owned(), expected, value: json!(value) }] }
}

/// A record that is counted up, with the number that was acknowledged last.
struct Counter {
    store: Arc<dyn Store>,
    key: String,
    acknowledged: u64,
}

impl Counter {
    /// One more. After an error nothing may have been written.
    async fn count(&mut self, done: &AtomicU64) {
        let next = self.acknowledged + 1;
        let expected = match self.acknowledged {
            0 => Expected::Absent,
            version => Expected::Version(version),
        };
        match self.store.commit(put(&self.key, expected, next)).await {
            Ok(versions) => {
                assert_eq!(versions, [next]);
                self.acknowledged = next;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(Error::Conflict { key }) => {
                panic!("`{key}`: what was said not to be written was written after {}", self.acknowledged)
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_a_dying_database_did_not_answer_is_neither_lost_nor_repeated() {
    let Some(cluster) = Cluster::start() else { return };
    let store = open_postgres(&cluster.url()).await.unwrap();
    let (done, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let counters: Vec<_> = (0..16)
        .map(|number| {
            let (store, done, is_over) = (Arc::clone(&store), Arc::clone(&done), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut counter = Counter { store, key: format!("counter/{number}"), acknowledged: 0 };
                while !is_over.load(Ordering::Relaxed) {
                    counter.count(&done).await;
                }
                counter
            })
        })
        .collect();
    for round in 1..=4 {
        let until = done.load(Ordering::Relaxed) + 200 * round;
        while done.load(Ordering::Relaxed) < until {
            tokio::task::yield_now().await;
        }
        cluster.kill();
        cluster.up();
    }
    is_over.store(true, Ordering::Relaxed);
    for counter in counters {
        let counter = counter.await.unwrap();
        let record = store.record(&counter.key).await.unwrap().unwrap();
        assert_eq!((record.version, &record.value), (counter.acknowledged, &json!(counter.acknowledged)));
    }
}

#[tokio::test]
async fn a_database_serves_one_server_and_is_free_again_when_that_has_gone() {
    let Some(cluster) = Cluster::start() else { return };
    let store = open_postgres(&cluster.url()).await.unwrap();
    let refused = open_postgres(&cluster.url()).await.err().unwrap().to_string();
    assert!(refused.contains("another server"), "{refused}");
    store.commit(put("a", Expected::Absent, 1)).await.unwrap();
    drop(store);
    let again = open_postgres(&cluster.url()).await.unwrap();
    assert_eq!(again.record("a").await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_what_to_do() {
    for (url, expected) in [
        ("postgres://shipway@/x?host=/nowhere/at/all", "is it running"),
        ("postgres://shipway@localhost:port/x", "URL"),
    ] {
        let refused = open_postgres(url).await.err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    let Some(cluster) = Cluster::start() else { return };
    let missing = cluster.url().replace("/postgres?", "/missing?");
    let refused = open_postgres(&missing).await.err().unwrap().to_string();
    assert!(refused.contains("missing") && refused.contains("createdb"), "{refused}");
}
