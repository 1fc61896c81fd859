//! Flags of `shipway serve` that say how executions are watched.

use std::time::Duration;

use shipway_server::logging::Limits;

use super::tracer::Scope;

/// How executions are watched.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Keep so much of each log group of executions, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    execution_log_size: u64,
    /// Keep logs of executions so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    execution_log_days: u64,
    /// Which executions become spans, where OTEL_EXPORTER_OTLP_ENDPOINT says where to send them
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Scope::All)]
    trace: Scope,
}

impl Settings {
    /// How much of a log group is kept.
    pub fn limits(&self) -> Limits {
        let group_bytes_max = self.execution_log_size << 20;
        // WHY: the oldest file goes as a whole; with eight of them at least, most of what may be kept is.
        let file_bytes_max = Limits::default().file_bytes_max.min(group_bytes_max / 8);
        Limits {
            file_bytes_max,
            group_bytes_max,
            age_max: Duration::from_secs(self.execution_log_days * 86_400),
        }
    }

    /// Which executions are traced.
    pub fn trace(&self) -> Scope {
        self.trace
    }
}
