//! Metrics as Prometheus reads them. Counts deployments out of the store, so that a restart loses none; executions, of
//! which there may be a million, are counted since the start as the engine tells of them.

mod commits;
mod executions;
mod requests;
mod series;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write,
    sync::Arc,
};

use shipway_control::{
    app::{Deployment, Error, Outcome, ServiceStatus},
    host::{Counts as Traffic, LATENCY_BOUNDS_MICROS, ProcessState},
};
use tokio::sync::Mutex;

use self::series::{escape, of_millis as seconds};
pub use self::{commits::Commits, executions::Executions, requests::Requests};
use crate::app::App;

/// Upper bounds of a deployment's duration, in seconds.
const DURATION_BOUNDS: [u64; 12] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400];
/// Deployments of one read.
const PAGE: usize = 200;
/// Reads of one scrape: what is beyond is counted by the next one.
const PAGES_MAX: usize = 500;
/// How each outcome is called in labels.
const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Succeeded, "succeeded"),
    (Outcome::FailedClean, "failed_clean"),
    (Outcome::FailedDirty, "failed_dirty"),
    (Outcome::Halted, "halted"),
];

/// What was counted so far.
#[derive(Default)]
pub struct Tally(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    ended: HashSet<String>,
    running: BTreeSet<String>,
    /// Deployments by outcome, and their durations by bucket with sum.
    outcomes: BTreeMap<&'static str, Durations>,
}

#[derive(Clone, Default)]
struct Durations {
    count: u64,
    seconds: f64,
    buckets: [u64; DURATION_BOUNDS.len()],
}

/// What is counted since the start; clones share it.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Told by the engine.
    pub executions: Arc<Executions>,
    /// Told by the store.
    pub commits: Arc<Commits>,
    /// Told by the Step Functions API.
    pub requests: Arc<Requests>,
}

impl Counts {
    /// Counts from now on.
    pub fn new(now: shipway_asl::Timestamp) -> Self {
        Self { executions: Arc::new(Executions::new(now)), commits: Arc::default(), requests: Arc::default() }
    }
}

/// All metrics.
pub async fn render(app: &dyn App, tally: &Tally, counts: Option<&Counts>) -> Result<String, Error> {
    let mut text = String::new();
    let mut counted = tally.0.lock().await;
    update(app, &mut counted).await?;
    build_info(&mut text);
    deployments(&mut text, &counted);
    drop(counted);
    locks(&mut text, app.locks_held().await?);
    services(&mut text, &app.services().await?);
    if let Some(counts) = counts {
        counts.executions.render(&mut text, app.engine().as_ref());
        counts.requests.render(&mut text);
        counts.commits.render(&mut text);
    }
    Ok(text)
}

async fn update(app: &dyn App, counted: &mut Counted) -> Result<(), Error> {
    for id in counted.running.clone() {
        count(counted, &app.deployment(&id).await?);
    }
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let (page, next) = app.deployments(None, None, after.as_deref(), PAGE).await?;
        let is_known = page.iter().all(|deployment| counted.ended.contains(&deployment.id));
        page.iter().for_each(|deployment| count(counted, deployment));
        // WHY: newest first, and older ones that still run were asked for above.
        if is_known || next.is_none() {
            break;
        }
        after = next;
    }
    Ok(())
}

fn count(counted: &mut Counted, deployment: &Deployment) {
    let name = OUTCOMES.iter().find(|(outcome, _)| *outcome == deployment.outcome).map(|(_, name)| *name);
    let (Some(name), Some(ended_at)) = (name, deployment.ended_at) else {
        counted.running.insert(deployment.id.clone());
        return;
    };
    counted.running.remove(&deployment.id);
    if !counted.ended.insert(deployment.id.clone()) {
        return;
    }
    let millis = ended_at.millis_since(deployment.started_at);
    let durations = counted.outcomes.entry(name).or_default();
    durations.count = durations.count.saturating_add(1);
    durations.seconds += seconds(millis);
    for (bucket, bound) in durations.buckets.iter_mut().zip(DURATION_BOUNDS) {
        *bucket = bucket.saturating_add(u64::from(millis <= bound.saturating_mul(1_000)));
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn build_info(text: &mut String) {
    head(text, "shipway_build_info", "gauge", "Version of Shipway.");
    let _ = writeln!(text, "shipway_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
}

fn deployments(text: &mut String, counted: &Counted) {
    let of = |name| counted.outcomes.get(name).cloned().unwrap_or_default();
    head(text, "shipway_deployments_total", "counter", "Deployments that ended, by outcome.");
    for (_, name) in OUTCOMES {
        let _ = writeln!(text, "shipway_deployments_total{{outcome=\"{name}\"}} {}", of(name).count);
    }
    head(text, "shipway_deployments_running", "gauge", "Deployments under way.");
    let _ = writeln!(text, "shipway_deployments_running {}", counted.running.len());
    let name = "shipway_deployment_duration_seconds";
    head(text, name, "histogram", "From acceptance to the end of a deployment, by outcome.");
    for (_, outcome) in OUTCOMES {
        let durations = of(outcome);
        for (bucket, bound) in durations.buckets.iter().zip(DURATION_BOUNDS) {
            let _ = writeln!(text, "{name}_bucket{{outcome=\"{outcome}\",le=\"{bound}\"}} {bucket}");
        }
        let _ = writeln!(text, "{name}_bucket{{outcome=\"{outcome}\",le=\"+Inf\"}} {}", durations.count);
        let _ = writeln!(text, "{name}_sum{{outcome=\"{outcome}\"}} {}", durations.seconds);
        let _ = writeln!(text, "{name}_count{{outcome=\"{outcome}\"}} {}", durations.count);
    }
}

fn locks(text: &mut String, held: usize) {
    head(text, "shipway_locks_held", "gauge", "Locks of environments that are held.");
    let _ = writeln!(text, "shipway_locks_held {held}");
}

fn services(text: &mut String, services: &[ServiceStatus]) {
    let traffic: Vec<(String, Traffic)> = services.iter().flat_map(traffic_by_version).collect();
    let mut each = |name: &str, kind: &str, help: &str, value: fn(&Traffic) -> u64| {
        head(text, name, kind, help);
        for (labels, counts) in &traffic {
            let _ = writeln!(text, "{name}{{{labels}}} {}", value(counts));
        }
    };
    each("shipway_edge_requests_total", "counter", "Requests answered.", |counts| counts.requests);
    each("shipway_edge_server_errors_total", "counter", "Answers 500 to 599.", |counts| counts.server_errors);
    each("shipway_edge_failures_total", "counter", "Requests without a whole answer.", |counts| {
        counts.failures
    });
    each("shipway_edge_requests_in_flight", "gauge", "Requests under way.", |counts| counts.in_flight);
    latency(text, &traffic);
    processes(text, services);
}

/// Releases of one version are one series.
fn traffic_by_version(service: &ServiceStatus) -> Vec<(String, Traffic)> {
    let mut versions: BTreeMap<&str, Traffic> = BTreeMap::new();
    for counts in service.traffic.values() {
        let sum = versions.entry(&counts.version).or_default();
        sum.requests = sum.requests.saturating_add(counts.requests);
        sum.server_errors = sum.server_errors.saturating_add(counts.server_errors);
        sum.failures = sum.failures.saturating_add(counts.failures);
        sum.in_flight = sum.in_flight.saturating_add(counts.in_flight);
        sum.latency.resize(sum.latency.len().max(counts.latency.len()), 0);
        for (bucket, count) in sum.latency.iter_mut().zip(&counts.latency) {
            *bucket = bucket.saturating_add(*count);
        }
    }
    let labels = labels(service);
    versions
        .into_iter()
        .map(|(version, counts)| (format!("{labels},version=\"{}\"", escape(version)), counts))
        .collect()
}

fn labels(service: &ServiceStatus) -> String {
    let (project, environment) = (escape(&service.project), escape(&service.environment));
    format!("project=\"{project}\",environment=\"{environment}\",service=\"{}\"", escape(&service.service))
}

/// The edge counts buckets, no sum; so there is no `_sum`.
fn latency(text: &mut String, traffic: &[(String, Traffic)]) {
    let name = "shipway_edge_request_duration_seconds";
    head(text, name, "histogram", "Latency to the last byte.");
    for (labels, counts) in traffic {
        let mut below: u64 = 0;
        for (count, bound) in counts.latency.iter().zip(LATENCY_BOUNDS_MICROS) {
            below = below.saturating_add(*count);
            let bound = seconds(bound) / 1_000.0;
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let all = counts.latency.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {all}\n{name}_count{{{labels}}} {all}");
    }
}

fn processes(text: &mut String, services: &[ServiceStatus]) {
    const STATES: [(ProcessState, &str); 4] = [
        (ProcessState::Running, "running"),
        (ProcessState::BackOff, "back_off"),
        (ProcessState::Stopping, "stopping"),
        (ProcessState::Stopped, "stopped"),
    ];
    head(text, "shipway_processes", "gauge", "Processes by state.");
    for service in services {
        for (state, name) in STATES {
            let count = service.groups.values().flatten().filter(|process| process.state == state).count();
            let _ = writeln!(text, "shipway_processes{{{},state=\"{name}\"}} {count}", labels(service));
        }
    }
}
