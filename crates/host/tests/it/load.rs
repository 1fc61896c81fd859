//! The load generator tells the truth.

use std::time::Duration;

use shipway_host::load::{self, PathShare, Plan};
use tokio_util::sync::CancellationToken;

use crate::edge_kit::{App, free_port};

async fn run(plan: Plan) -> load::Report {
    load::run(plan, CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_by_status_version_and_path() {
    let app = App::start("7").await;
    let share = |path: &str, weight| PathShare { path: path.into(), weight };
    let report = run(Plan {
        requests: Some(100),
        paths: vec![share("/", 3), share("/500", 1)],
        ..Plan::new(format!("http://127.0.0.1:{}", app.port))
    })
    .await;
    assert_eq!((report.requests, report.ok, report.failures()), (100, 75, 25));
    assert_eq!((report.statuses[&200], report.statuses[&500], report.failed["status 500"]), (75, 25, 25));
    assert_eq!((report.by_version["7"].requests, report.by_version["7"].ok), (100, 75));
    assert_eq!((report.latency.total(), app.hits()), (100, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_have_reasons() {
    let app = App::start("7").await;
    let one = |url: String, path: &str| Plan {
        requests: Some(1),
        timeout: Duration::from_millis(100),
        paths: vec![PathShare { path: path.into(), weight: 1 }],
        ..Plan::new(url)
    };
    let url = format!("http://127.0.0.1:{}", app.port);
    assert_eq!(run(one(url.clone(), "/never")).await.failed["timeout"], 1);
    assert_eq!(run(one(url, "/cut")).await.failed["cut short"], 1);
    assert_eq!(run(one(format!("http://127.0.0.1:{}", free_port()), "/")).await.failed["refused"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_counts_the_wait_for_a_free_connection() {
    let app = App::start("7").await;
    let report = run(Plan {
        requests: Some(4),
        connections: 1,
        rate: Some(1_000.0),
        paths: vec![PathShare { path: "/long".into(), weight: 1 }],
        ..Plan::new(format!("http://127.0.0.1:{}", app.port))
    })
    .await;
    assert_eq!(report.ok, 4);
    // Four answers of 300 ms one after the other; the last one was due at 3 ms.
    assert!(report.latency.max() >= Duration::from_millis(1_190), "{:?}", report.latency.max());
    assert!(report.latency.quantile(0.25) < Duration::from_millis(900));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_slow_readers_takes_its_time() {
    let app = App::start("7").await;
    let plan = Plan {
        requests: Some(10),
        connections: 1,
        slow_share: 0.5,
        ..Plan::new(format!("http://127.0.0.1:{}", app.port))
    };
    let report = run(plan).await;
    assert_eq!(report.ok, 10);
    assert!(report.latency.quantile(0.6) >= Duration::from_millis(20), "{:?}", report.latency.quantile(0.6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duration_and_a_stop_end_it() {
    let app = App::start("7").await;
    let url = format!("http://127.0.0.1:{}", app.port);
    let short =
        Plan { duration: Some(Duration::from_millis(100)), rate: Some(200.0), ..Plan::new(url.clone()) };
    assert_eq!(run(short.clone()).await.requests, 20);
    // What was due and found no free connection is not passed over.
    let paths = vec![PathShare { path: "/long".into(), weight: 1 }];
    let report = run(Plan { connections: 2, paths, ..short }).await;
    assert_eq!((report.requests, report.ok, report.failed["not sent in time"]), (20, 2, 18));
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(load::run(Plan::new(url), stop).await.unwrap().requests <= 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_plans_name_their_part() {
    let good = Plan::new("http://127.0.0.1:1");
    let cases = [
        (Plan { urls: vec!["ftp://x".into()], ..good.clone() }, "urls"),
        (Plan { urls: Vec::new(), ..good.clone() }, "urls"),
        (Plan { connections: 0, ..good.clone() }, "connections"),
        (Plan { rate: Some(0.0), ..good.clone() }, "rate"),
        (Plan { slow_share: 2.0, ..good.clone() }, "slow_share"),
        (Plan { paths: Vec::new(), ..good.clone() }, "paths"),
        (Plan { paths: vec![PathShare { path: "x".into(), weight: 1 }], ..good }, "paths"),
    ];
    for (plan, field) in cases {
        assert_eq!(load::run(plan, CancellationToken::new()).await.unwrap_err().field, field);
    }
}
