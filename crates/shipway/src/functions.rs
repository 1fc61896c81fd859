//! The server's functions, wired: records in its store, processes on its machine, and what these are told of the world.

use std::{path::Path, sync::Arc};

use shipway_control::function::{Functions, Place};
use shipway_engine::{Store, SystemClock};
use shipway_host::function::{Config, LocalFunctions};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// The region of requests where ARNs name none of AWS's.
const DEFAULT_REGION: &str = "us-east-1";
/// The region that is none of AWS's.
const NO_REGION: &str = "local";

/// Functions, and the processes that run them.
pub struct Wired {
    /// What others see.
    pub functions: Functions,
    processes: LocalFunctions,
}

impl Wired {
    /// The functions in the records of `store`, which are told of the operator's endpoint.
    pub fn new(
        data_dir: &Path,
        exe: &Path,
        store: Arc<dyn Store>,
        place: Place,
        endpoint_url: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let config =
            Config { environment: environment(&place.region, endpoint_url), ..Config::new(data_dir, exe) };
        let processes = LocalFunctions::new(config, stop.clone())
            .map_err(|error| Failure::of("functions cannot be run", &error))?;
        let runner = Arc::new(processes.clone());
        let functions = Functions::new(store, Arc::new(SystemClock), runner, place, stop.clone());
        Ok(Self { functions, processes })
    }

    /// Tells processes where this server is, so that a function can send a task's token back.
    pub fn tell(&self, url: &str) {
        let names = ["AWS_ENDPOINT_URL_SFN", "AWS_ENDPOINT_URL_LAMBDA"];
        self.processes.tell(names.map(|name| (name.to_owned(), url.to_owned())));
    }

    /// Returns when no process is left, after the server was told to stop.
    pub async fn stopped(&self) {
        self.functions.stopped().await;
        self.processes.stopped().await;
    }
}

/// What SDKs in functions read. WHY: an endpoint of the operator's own asks for no keys, but SDKs do not call without any.
fn environment(region: &str, endpoint_url: Option<&str>) -> Vec<(String, String)> {
    let region = if region == NO_REGION { DEFAULT_REGION } else { region };
    let mut all = vec![("AWS_REGION", region), ("AWS_DEFAULT_REGION", region)];
    if let Some(url) = endpoint_url {
        all.extend([
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ACCESS_KEY_ID", "shipway"),
            ("AWS_SECRET_ACCESS_KEY", "shipway"),
        ]);
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_get_keys_only_where_they_mean_nothing() {
        let names = |url| environment("local", url).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(None), ["AWS_REGION", "AWS_DEFAULT_REGION"]);
        assert!(names(Some("http://127.0.0.1:5000")).contains(&"AWS_SECRET_ACCESS_KEY".to_owned()));
    }
}
