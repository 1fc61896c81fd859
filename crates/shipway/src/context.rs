//! What every command gets: the flags that all share, the environment, the output. The only reader of the environment.

use std::{env, path::PathBuf, sync::Arc};

use clap::Args;
use shipway_asl::Timestamp;
use shipway_engine::{Clock, SystemClock};

use crate::{
    failure::Failure,
    output::{Output, Wishes},
    telemetry::Variables,
};

// No doc comment: it would become the help of the whole command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Where everything is kept; one server per directory [default: ~/.local/share/shipway]
    #[arg(long, global = true, value_name = "DIR", env = "SHIPWAY_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// The server to ask, instead of the one of the data directory (its token in SHIPWAY_TOKEN)
    #[arg(long, global = true, value_name = "URL", env = "SHIPWAY_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// Write JSON to stdout, and errors as JSON to stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but results, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// No colours (also with NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Never ask; fail where an answer would be needed
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The server that was named, if one was.
    pub server: Option<String>,
    /// Whether questions may be asked.
    pub may_ask: bool,
    /// `--verbose`.
    pub is_verbose: bool,
    /// Where words go.
    pub out: Arc<Output>,
}

impl Context {
    /// Completes the flags from the environment.
    pub fn new(globals: Globals) -> Result<Self, Failure> {
        let wishes = Wishes {
            is_json: globals.json,
            is_quiet: globals.quiet,
            is_verbose: globals.verbose,
            is_plain: globals.no_color,
        };
        let data_dir = globals.data_dir.filter(|dir| !dir.as_os_str().is_empty());
        let data_dir = data_dir.or_else(default_data_dir).ok_or_else(|| {
            Failure::usage("there is no HOME to keep data in").hint("name a directory with --data-dir")
        })?;
        // WHY: the server and its helpers run in other directories.
        let data_dir = std::path::absolute(&data_dir)
            .map_err(|error| Failure::of(format!("`{}`", data_dir.display()), &error))?;
        Ok(Self {
            data_dir,
            server: globals.server.filter(|url| !url.is_empty()),
            may_ask: !globals.no_input && is_person(),
            is_verbose: globals.verbose,
            out: Arc::new(Output::new(wishes)),
        })
    }

    /// The same for another data directory, which has no server yet; asks nothing.
    pub fn elsewhere(&self, data_dir: PathBuf) -> Self {
        let out = Arc::clone(&self.out);
        Self { data_dir, server: None, may_ask: false, is_verbose: self.is_verbose, out }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Who asks: `SHIPWAY_ACTOR`, or the name of the user, or else the number.
    pub fn actor(&self) -> String {
        let names = ["SHIPWAY_ACTOR", "USER", "LOGNAME"];
        let user = || format!("uid {}", rustix::process::getuid().as_raw());
        names.into_iter().find_map(variable).unwrap_or_else(user)
    }

    /// The token for a server that was named.
    pub fn token(&self) -> Option<String> {
        variable("SHIPWAY_TOKEN")
    }

    /// OpenTelemetry's own variables.
    pub fn open_telemetry(&self) -> Variables {
        let set = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Variables::new(set.filter(|(name, _)| name.starts_with("OTEL_")))
    }

    /// A filter for logs, as `tracing-subscriber` reads it.
    pub fn log_filter(&self) -> String {
        let default = if self.is_verbose { "debug,hyper=info,hyper_util=info" } else { "info" };
        variable("SHIPWAY_LOG").unwrap_or_else(|| default.to_owned())
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// `XDG_DATA_HOME/shipway`, or `~/.local/share/shipway`.
fn default_data_dir() -> Option<PathBuf> {
    // The XDG rules say to ignore a relative path.
    let xdg = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let share = || Some(PathBuf::from(variable("HOME")?).join(".local").join("share"));
    xdg.or_else(share).map(|dir| dir.join("shipway"))
}

fn is_person() -> bool {
    use std::io::IsTerminal;
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
