//! What load to make.

use std::time::Duration;

use http::Uri;

/// A load.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it goes, such as `http://127.0.0.1:8080`; connections are spread over them.
    pub urls: Vec<String>,
    /// Connections at a time, 1 to 10,000.
    pub connections: usize,
    /// Requests per second over all connections; none means as fast as answers come.
    pub rate: Option<f64>,
    /// How long.
    pub duration: Option<Duration>,
    /// How many requests. Without it and without a duration the load goes on until it is stopped.
    pub requests: Option<u64>,
    /// Whether a connection is used again; otherwise each request has `Connection: close`.
    pub keep_alive: bool,
    /// What is asked for.
    pub paths: Vec<PathShare>,
    /// Time for a request, from its sending to its last byte.
    pub timeout: Duration,
    /// Share of requests, 0 to 1, whose answer is read with pauses.
    pub slow_share: f64,
}

/// A path and its share of the requests.
#[derive(Clone, Debug)]
pub struct PathShare {
    /// Path and query, starting with `/`.
    pub path: String,
    /// Relative to the other paths' weights.
    pub weight: u32,
}

impl Plan {
    /// `GET /` over 16 kept-alive connections as fast as answers come, until stopped.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            connections: 16,
            rate: None,
            duration: None,
            requests: None,
            keep_alive: true,
            paths: vec![PathShare { path: "/".to_owned(), weight: 1 }],
            timeout: Duration::from_secs(10),
            slow_share: 0.0,
        }
    }
}

/// A plan that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct BadPlan {
    /// Which part of the plan.
    pub field: &'static str,
    /// What is wrong, and what to write.
    pub reason: String,
}

/// One address and what is asked for there.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `host:port`, for connecting and for `Host`.
    pub(super) authority: String,
    /// Each path as often as its weight asks.
    pub(super) paths: Vec<Uri>,
}

impl Target {
    pub(super) fn all(plan: &Plan) -> Result<Vec<Self>, BadPlan> {
        if plan.connections == 0 || plan.connections > 10_000 {
            return bad("connections", "must be 1 to 10,000".to_owned());
        }
        if plan.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return bad("rate", "must be above 0; leave it out for as fast as answers come".to_owned());
        }
        if !(0.0..=1.0).contains(&plan.slow_share) {
            return bad("slow_share", "must be 0 to 1".to_owned());
        }
        if plan.urls.is_empty() {
            return bad("urls", "is empty; write `http://127.0.0.1:8080`".to_owned());
        }
        let paths = paths(plan)?;
        plan.urls.iter().map(|url| Ok(Self { authority: authority(url)?, paths: paths.clone() })).collect()
    }
}

fn paths(plan: &Plan) -> Result<Vec<Uri>, BadPlan> {
    let weights: u64 = plan.paths.iter().map(|share| u64::from(share.weight)).sum();
    if weights == 0 || weights > 10_000 {
        return bad("paths", "the weights must add up to 1 to 10,000".to_owned());
    }
    let mut turns = Vec::new();
    for share in &plan.paths {
        let uri = share.path.parse::<Uri>().ok().filter(|_| share.path.starts_with('/'));
        let Some(uri) = uri else {
            return bad("paths", format!("`{}` is not a path; it starts with `/`", share.path));
        };
        turns.extend((0..share.weight).map(|_| uri.clone()));
    }
    Ok(turns)
}

fn authority(url: &str) -> Result<String, BadPlan> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
    let authority = uri.as_ref().and_then(Uri::authority);
    match authority {
        Some(authority) if authority.port().is_some() => Ok(authority.to_string()),
        Some(authority) => Ok(format!("{authority}:80")),
        None => bad("urls", format!("`{url}` is not an address; write `http://127.0.0.1:8080`")),
    }
}

fn bad<T>(field: &'static str, reason: String) -> Result<T, BadPlan> {
    Err(BadPlan { field, reason })
}
