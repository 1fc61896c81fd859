//! One kit for every store: what the engine relies on.

use std::sync::Arc;

use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Expected, Launch, Origin, Put, Qualifier, Store,
    machines::{CreateMachine, Route, Settings},
    memory_store, open_postgres, open_sqlite,
    store::{self, Commit, RowFilter},
};
use tokio_util::sync::CancellationToken;

use crate::{
    postgres::Cluster,
    support::{BACK_TO_FORMAT_2, echo, ended, engine, start},
};

fn put(key: &str, expected: Expected, value: Value) -> Commit {
    Commit { execution: None, records: vec![Put { key: key.to_owned(), expected, value }] }
}

async fn each_store(check: impl AsyncFn(Arc<dyn Store>)) {
    check(memory_store()).await;
    let directory = tempfile::tempdir().unwrap();
    check(open_sqlite(directory.path()).await.unwrap()).await;
    if let Some(cluster) = Cluster::start() {
        check(open_postgres(&cluster.url()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn versions_of_a_record_only_grow() {
    each_store(async |store| {
        assert_eq!(store.commit(put("a", Expected::Absent, json!(1))).await, Ok(vec![1]));
        assert_eq!(store.commit(put("a", Expected::Version(1), json!(2))).await, Ok(vec![2]));
        assert_eq!(store.commit(put("a", Expected::Any, Value::Null)).await, Ok(vec![3]));
        let conflict = Err(store::Error::Conflict { key: "a".to_owned() });
        for stale in [Expected::Absent, Expected::Version(1), Expected::Version(2), Expected::Version(4)] {
            assert_eq!(store.commit(put("a", stale, json!(9))).await, conflict);
        }
        assert_eq!(store.commit(put("a", Expected::Version(3), json!(4))).await, Ok(vec![4]));
        assert_eq!(store.record("a").await.unwrap().unwrap().value, json!(4));
        assert_eq!(store.record("b").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_commit_is_whole_or_nothing() {
    each_store(async |store| {
        store.commit(put("taken", Expected::Any, json!(1))).await.unwrap();
        let mut commit = put("fresh", Expected::Absent, json!(1));
        commit.records.extend(put("taken", Expected::Absent, json!(2)).records);
        store.commit(commit).await.unwrap_err();
        assert_eq!(store.record("fresh").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn records_are_listed_by_prefix_in_order_without_deleted_ones() {
    each_store(async |store| {
        for key in ["lock/b", "lock/a", "lock/c", "lockless", "loc", "lock/d"] {
            store.commit(put(key, Expected::Any, json!(key))).await.unwrap();
        }
        store.commit(put("lock/b", Expected::Any, Value::Null)).await.unwrap();
        let keys = async |after, limit| -> Vec<String> {
            let records = store.records("lock/", after, limit).await.unwrap();
            records.into_iter().map(|record| record.key).collect()
        };
        assert_eq!(keys(None, 10).await, ["lock/a", "lock/c", "lock/d"]);
        assert_eq!(keys(None, 1).await, ["lock/a"]);
        assert_eq!(keys(Some("lock/a"), 10).await, ["lock/c", "lock/d"]);
    })
    .await;
}

#[tokio::test]
async fn one_of_many_racing_writers_wins() {
    each_store(async |store| {
        let race = (0..64).map(|n| {
            let store = Arc::clone(&store);
            async move { store.commit(put("race", Expected::Absent, json!(n))).await.is_ok() }
        });
        let won = futures_util::future::join_all(race).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn executions_are_listed_newest_first_in_pages() {
    each_store(async |store| {
        let stop = CancellationToken::new();
        let engine = engine(Arc::clone(&store), echo(), &stop).await;
        let machine = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
        for name in ["m", "n"] {
            engine.put_machine(name, &machine).await.unwrap();
        }
        for (machine, name) in [("m", "1"), ("n", "2"), ("m", "3"), ("m", "4")] {
            let started = engine.start(start(machine, name, json!({}))).await.unwrap();
            ended(&engine, &started.arn).await;
        }
        let mut filter = RowFilter { machine: Some("m".to_owned()), limit: 2, ..RowFilter::default() };
        let mut seen = Vec::new();
        loop {
            let rows = store.executions(&filter).await.unwrap();
            let Some(last) = rows.last() else { break };
            filter.before = Some((last.started_at, last.arn.clone()));
            seen.extend(rows);
        }
        let keys: Vec<_> = seen.iter().map(|row| (row.started_at, row.arn.clone())).collect();
        assert!(keys.is_sorted_by(|a, b| a > b) && keys.len() == 3, "{keys:?}");
        assert_eq!(
            store.executions(&RowFilter { limit: 10, ..RowFilter::default() }).await.unwrap().len(),
            4
        );
        let none =
            RowFilter { before: Some((Timestamp(0), String::new())), limit: 10, ..RowFilter::default() };
        assert_eq!(store.executions(&none).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn events_are_read_after_a_number() {
    each_store(async |store| {
        let stop = CancellationToken::new();
        let engine = engine(Arc::clone(&store), echo(), &stop).await;
        let machine = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
        engine.put_machine("m", &machine).await.unwrap();
        let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
        let ids = async |after, limit| -> Vec<u64> {
            store.events(&arn, after, limit).await.unwrap().iter().map(|event| event.id).collect()
        };
        assert_eq!(ids(0, 10).await, [1, 2, 3, 4]);
        assert_eq!(ids(1, 2).await, [2, 3]);
        assert_eq!(ids(u64::MAX, 2).await, [] as [u64; 0]);
        assert_eq!(store.tasks(None, 10).await, Ok(vec![]));
        assert_eq!(store.timers(10).await, Ok(vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_directory_serves_one_process_and_keeps_what_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(directory.path()).await.unwrap();
    let second = open_sqlite(directory.path()).await.err().unwrap().to_string();
    assert!(second.contains(&std::process::id().to_string()), "{second}");
    store.commit(put("a", Expected::Any, json!({"b": [1, "ä"]}))).await.unwrap();
    drop(store);
    let again = open_sqlite(directory.path()).await.unwrap();
    assert_eq!(again.record("a").await.unwrap().unwrap().value, json!({"b": [1, "ä"]}));
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shipway.db"), "x".repeat(5_000)).unwrap();
    let damaged = open_sqlite(directory.path()).await.err().unwrap().to_string();
    assert!(damaged.contains("shipway.db") && damaged.contains("backup"), "{damaged}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let no_directory = open_sqlite(&file).await.err().unwrap().to_string();
    assert!(no_directory.contains(&file.display().to_string()), "{no_directory}");
}

#[tokio::test]
async fn a_timer_set_again_moves_and_one_removed_is_gone() {
    each_store(async |store| {
        let stop = CancellationToken::new();
        let engine = engine(Arc::clone(&store), echo(), &stop).await;
        let machine = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
        engine.put_machine("m", &machine).await.unwrap();
        let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
        stop.cancel();
        engine.stopped().await;
        let row = store.execution(&arn).await.unwrap().unwrap();
        let set = async |added: &[(u64, i64)], removed: &[u64]| {
            let progress = store::Progress {
                expected_event_id: row.last_event_id,
                row: row.clone(),
                events: Vec::new(),
                tasks_added: Vec::new(),
                tasks_removed: Vec::new(),
                timers_added: added.iter().map(|(timer, due)| (*timer, Timestamp(*due))).collect(),
                timers_removed: removed.to_vec(),
            };
            store.commit(Commit { execution: Some(progress), records: Vec::new() }).await.unwrap();
            let timers = store.timers(10).await.unwrap();
            timers.into_iter().map(|timer| (timer.timer, timer.due.0)).collect::<Vec<_>>()
        };
        assert_eq!(set(&[(1, 50), (2, 40)], &[]).await, [(2, 40), (1, 50)]);
        assert_eq!(set(&[(1, 30)], &[]).await, [(1, 30), (2, 40)]);
        assert_eq!(set(&[(3, 10)], &[1]).await, [(3, 10), (2, 40)]);
    })
    .await;
}

#[tokio::test]
async fn records_of_one_commit_see_each_other_in_order() {
    each_store(async |store| {
        let mut twice = put("a", Expected::Absent, json!(1));
        twice.records.extend(put("a", Expected::Version(1), json!(2)).records);
        assert_eq!(store.commit(twice).await, Ok(vec![1, 2]));
        assert_eq!(store.record("a").await.unwrap().unwrap().version, 2);
        let mut refused = put("b", Expected::Absent, json!(1));
        refused.records.extend(put("b", Expected::Absent, json!(2)).records);
        assert_eq!(store.commit(refused).await, Err(store::Error::Conflict { key: "b".to_owned() }));
        assert_eq!(store.record("b").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_stale_commit_of_an_execution_writes_nothing() {
    each_store(async |store| {
        let stop = CancellationToken::new();
        let engine = engine(Arc::clone(&store), echo(), &stop).await;
        let machine = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
        engine.put_machine("m", &machine).await.unwrap();
        let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
        let row = store.execution(&arn).await.unwrap().unwrap();
        for expected_event_id in [0, row.last_event_id - 1, row.last_event_id + 1] {
            let progress = store::Progress {
                expected_event_id,
                row: row.clone(),
                events: Vec::new(),
                tasks_added: Vec::new(),
                tasks_removed: Vec::new(),
                timers_added: vec![(1, Timestamp(1))],
                timers_removed: Vec::new(),
            };
            let records = put("with it", Expected::Any, json!(1)).records;
            let refused = store.commit(Commit { execution: Some(progress), records }).await;
            assert_eq!(refused, Err(store::Error::Conflict { key: arn.clone() }));
        }
        assert_eq!(store.record("with it").await, Ok(None));
        assert_eq!(store.timers(1).await, Ok(vec![]));
        assert_eq!(store.execution(&arn).await, Ok(Some(row)));
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_closed_has_written_what_was_queued() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let store = open_sqlite(directory.path()).await.unwrap();
        let mut queued = store.commit(put(&format!("key/{round}"), Expected::Absent, json!(round)));
        assert!(futures_util::poll!(&mut queued).is_pending());
        drop(queued);
        drop(store);
    }
    let store = open_sqlite(directory.path()).await.unwrap();
    assert_eq!(store.records("key/", None, 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_file_of_a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open_sqlite(directory.path()).await.unwrap());
    let file = rusqlite::Connection::open(directory.path().join("shipway.db")).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refused = open_sqlite(directory.path()).await.err().unwrap().to_string();
    assert!(refused.contains("format 99") && refused.contains("newer"), "{refused}");
}

#[tokio::test]
async fn executions_are_found_by_how_they_were_started() {
    each_store(async |store| {
        let stop = CancellationToken::new();
        let engine = engine(Arc::clone(&store), echo(), &stop).await;
        let definition = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
        let settings = Settings { definition, ..Settings::default() };
        let machine =
            CreateMachine { name: "m".to_owned(), settings, publish: Some(None), ..CreateMachine::default() };
        engine.create_machine(machine).await.unwrap();
        engine.create_alias("m", "live", None, &[Route { version: 1, weight: 100 }]).await.unwrap();
        let ways = [None, Some(Qualifier::Version(1)), Some(Qualifier::Alias("live".to_owned()))];
        for (number, qualifier) in ways.into_iter().enumerate() {
            let launch = Launch {
                machine: "m".to_owned(),
                qualifier,
                name: Some(number.to_string()),
                input: json!({}),
                trace_header: Some("t".to_owned()),
                parent: None,
            };
            let arn = engine.launch(launch).await.unwrap().arn;
            assert_eq!(
                store.execution(&arn).await.unwrap().unwrap().origin.trace_header.as_deref(),
                Some("t")
            );
        }
        let names = async |filter: RowFilter| {
            let filter = RowFilter { machine: Some("m".to_owned()), limit: 10, ..filter };
            let rows = store.executions(&filter).await.unwrap();
            let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
            names.sort();
            names.concat()
        };
        let all = RowFilter::default;
        assert_eq!(names(all()).await, "012");
        assert_eq!(names(RowFilter { version: Some(1), ..all() }).await, "12");
        assert_eq!(names(RowFilter { version: Some(2), ..all() }).await, "");
        assert_eq!(names(RowFilter { alias: Some("live".to_owned()), ..all() }).await, "2");
        assert_eq!(
            names(RowFilter { status: Some(Status::Succeeded), version: Some(1), ..all() }).await,
            "12"
        );
        assert_eq!(names(RowFilter { name: Some("2".to_owned()), ..all() }).await, "2");
        // The ARN has an `m`, and so has the machine's name.
        assert_eq!(names(RowFilter { name: Some("m".to_owned()), ..all() }).await, "");
        assert_eq!(names(RowFilter { status: Some(Status::Running), ..all() }).await, "");
        assert_eq!(names(RowFilter { since: Some(Timestamp(i64::MAX)), ..all() }).await, "");
    })
    .await;
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let machine = json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).to_string();
    {
        let stop = CancellationToken::new();
        let engine = engine(open_sqlite(directory.path()).await.unwrap(), echo(), &stop).await;
        engine.put_machine("m", &machine).await.unwrap();
        engine.start(start("m", "old", json!({}))).await.unwrap();
        stop.cancel();
        engine.stopped().await;
    }
    let file = rusqlite::Connection::open(directory.path().join("shipway.db")).unwrap();
    file.execute_batch(BACK_TO_FORMAT_2).unwrap();
    file.execute_batch(
        "DROP INDEX executions_by_status; DROP INDEX executions_by_version; DROP INDEX executions_by_alias;
         ALTER TABLE executions DROP COLUMN version; ALTER TABLE executions DROP COLUMN alias;
         ALTER TABLE executions DROP COLUMN origin; PRAGMA user_version = 1;",
    )
    .unwrap();
    file.execute(
        "UPDATE records SET value = ?1 WHERE key = 'engine/machine/m'",
        [json!({"revision": 1, "definition": machine}).to_string()],
    )
    .unwrap();
    file.execute(
        "UPDATE records SET value = ?1 WHERE key = 'engine/revision/m/1'",
        [json!(machine).to_string()],
    )
    .unwrap();
    drop(file);
    let stop = CancellationToken::new();
    let store = open_sqlite(directory.path()).await.unwrap();
    let engine = engine(Arc::clone(&store), echo(), &stop).await;
    engine.put_machine("m", &machine).await.unwrap();
    let new = engine.start(start("m", "new", json!({}))).await.unwrap();
    assert_eq!(engine.definition_of(&new.arn).await.unwrap(), machine);
    let filter = RowFilter { machine: Some("m".to_owned()), limit: 10, ..RowFilter::default() };
    let rows = store.executions(&filter).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.revision == 1 && row.origin == Origin::default()), "{rows:?}");
}

/// Rows of a machine, one a millisecond, with a snapshot each.
async fn fill(store: &dyn Store, machine: &str, map_run: Option<&str>, count: i64) {
    for number in 0..count {
        let row = store::Row {
            arn: format!("arn:{machine}:{number}"),
            machine: machine.to_owned(),
            revision: 1,
            name: number.to_string(),
            status: if number % 2 == 0 { Status::Running } else { Status::Failed },
            started_at: Timestamp(number),
            stopped_at: None,
            last_event_id: 0,
            origin: Origin { map_run: map_run.map(str::to_owned), ..Origin::default() },
            redrives: 0,
            redriven_at: None,
            snapshot: vec![1, 2, 3],
        };
        let progress = store::Progress {
            row,
            expected_event_id: 0,
            events: Vec::new(),
            tasks_added: Vec::new(),
            tasks_removed: Vec::new(),
            timers_added: Vec::new(),
            timers_removed: Vec::new(),
        };
        store.commit(Commit { execution: Some(progress), records: Vec::new() }).await.unwrap();
    }
}

#[tokio::test]
async fn children_are_listed_by_their_map_run_only_and_bare_rows_have_no_snapshot() {
    each_store(async |store| {
        fill(&*store, "m", None, 3).await;
        fill(&*store, "m/label", Some("run-1"), 4).await;
        fill(&*store, "n/label", Some("run-2"), 5).await;
        let names = async |filter: RowFilter| -> String {
            let rows = store.executions(&RowFilter { limit: 10, ..filter }).await.unwrap();
            rows.into_iter().map(|row| row.name).collect()
        };
        let of = |run: &str| RowFilter { map_run: Some(run.to_owned()), ..RowFilter::default() };
        assert_eq!(names(RowFilter::default()).await, "210");
        assert_eq!(names(RowFilter { status: Some(Status::Failed), ..RowFilter::default() }).await, "1");
        assert_eq!(names(of("run-1")).await, "3210");
        assert_eq!(names(RowFilter { status: Some(Status::Failed), ..of("run-2") }).await, "31");
        let before = Some((Timestamp(2), "arn:n/label:2".to_owned()));
        assert_eq!(names(RowFilter { before, ..of("run-2") }).await, "10");
        for is_bare in [true, false] {
            let rows = store.executions(&RowFilter { is_bare, limit: 1, ..of("run-1") }).await.unwrap();
            assert_eq!(rows[0].snapshot.is_empty(), is_bare);
            assert_eq!(rows[0].origin.map_run.as_deref(), Some("run-1"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_of_the_second_format_learns_which_map_run_its_children_are_of() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shipway.db");
    let store = open_sqlite(directory.path()).await.unwrap();
    fill(&*store, "m/label", None, 1).await;
    fill(&*store, "m", None, 1).await;
    drop(store);
    let old = rusqlite::Connection::open(&file).unwrap();
    old.execute_batch(BACK_TO_FORMAT_2).unwrap();
    let snapshot = r#"{"child_of": {"map_run": "run-1"}}"#;
    old.execute("UPDATE executions SET snapshot = CAST(?1 AS BLOB) WHERE machine = 'm/label'", [snapshot])
        .unwrap();
    drop(old);
    let store = open_sqlite(directory.path()).await.unwrap();
    let filter = RowFilter { map_run: Some("run-1".to_owned()), limit: 10, ..RowFilter::default() };
    let rows = store.executions(&filter).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].origin.map_run.as_deref(), Some("run-1"));
}
