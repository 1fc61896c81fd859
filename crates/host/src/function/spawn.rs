//! Starts functions' processes from one thread that lives as long as the server: a process dies with the thread that started
//! it, so none outlives the server, however that ends.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
};

use shipway_control::function::{Function, Runtime};
use tokio::{process::Child, runtime::Handle, sync::oneshot};

use crate::command;

/// The file of a custom runtime.
pub(super) const BOOTSTRAP: &str = "bootstrap";
/// The variable that marks what belongs to a process: everything that it starts inherits it.
pub(super) const MARK: &str = "SHIPWAY_FUNCTION_PROCESS";

/// A process to be started.
struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// The thread that starts processes.
pub(super) struct Spawner(mpsc::Sender<Order>);

impl Spawner {
    /// Starts the thread; what it starts is reaped by this runtime.
    pub(super) fn start(runtime: Handle) -> io::Result<Self> {
        let (sender, orders) = mpsc::channel::<Order>();
        let work = move || {
            let _entered = runtime.enter();
            for Order { command, reply } in orders {
                let child = tokio::process::Command::from(command).kill_on_drop(true).spawn();
                // WHY: whoever has given up drops the process, which kills it.
                let _ = reply.send(child);
            }
        };
        std::thread::Builder::new().name("functions".to_owned()).stack_size(256 * 1024).spawn(work)?;
        Ok(Self(sender))
    }

    /// Starts a process.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, child) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes has ended");
        self.0.send(Order { command, reply }).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

/// What a process is told of itself.
pub(super) struct Identity<'a> {
    /// Its id.
    pub(super) id: &'a str,
    /// Where its Runtime API is.
    pub(super) api: String,
    /// What CloudWatch would call its output.
    pub(super) log_stream: &'a str,
    /// Where Shipway's runtimes are.
    pub(super) runtimes: PathBuf,
    /// What all functions get besides.
    pub(super) shared: &'a [(String, String)],
}

/// The command that becomes the function's process.
pub(super) fn command(exe: &Path, function: &Function, identity: &Identity<'_>) -> Command {
    let mut command = Command::new(exe);
    command
        .args(["function-process", "--parent", &std::process::id().to_string(), "--"])
        .args(program(function, &identity.runtimes))
        .current_dir(&function.settings.directory)
        .env_clear()
        .envs(environment(function, identity))
        .stdin(Stdio::null());
    command
}

fn program(function: &Function, runtimes: &Path) -> Vec<OsString> {
    match function.settings.runtime {
        Runtime::Python => vec!["python3".into(), "-u".into(), runtimes.join("python.py").into()],
        Runtime::Node => vec!["node".into(), runtimes.join("node.mjs").into()],
        Runtime::Provided => vec![function.settings.directory.join(BOOTSTRAP).into()],
    }
}

/// Later ones win: a function may set its `TZ`, not its handler.
fn environment(function: &Function, identity: &Identity<'_>) -> Vec<(OsString, OsString)> {
    let settings = &function.settings;
    let mut all = command::base_environment();
    let mut set = |name: &str, value: &str| all.push((name.into(), value.into()));
    set("TZ", ":UTC");
    // WHY: Python would write beside the code, and take what it wrote for the code of a file changed within the second.
    set("PYTHONDONTWRITEBYTECODE", "1");
    identity.shared.iter().for_each(|(name, value)| set(name, value));
    settings.env.0.iter().for_each(|(name, value)| set(name, value));
    set("AWS_LAMBDA_RUNTIME_API", &identity.api);
    set("AWS_LAMBDA_FUNCTION_NAME", &function.name);
    set("AWS_LAMBDA_FUNCTION_VERSION", super::VERSION);
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &settings.memory_mb.to_string());
    set("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name));
    set("AWS_LAMBDA_LOG_STREAM_NAME", identity.log_stream);
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set("_HANDLER", &settings.handler);
    set(MARK, identity.id);
    all.push(("LAMBDA_TASK_ROOT".into(), settings.directory.clone().into()));
    all.push(("LAMBDA_RUNTIME_DIR".into(), identity.runtimes.clone().into()));
    all
}

#[cfg(test)]
mod tests {
    use shipway_asl::Timestamp;
    use shipway_control::function::{Settings, Variables};

    use super::*;

    #[test]
    fn a_process_is_told_what_lambda_tells_and_cannot_be_told_otherwise() {
        let env = [("TZ", "CET"), ("_HANDLER", "forged"), ("TOKEN", "x")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let settings = Settings {
            runtime: Runtime::Python,
            handler: "app.handler".to_owned(),
            directory: "/srv/app".into(),
            timeout_seconds: 3,
            concurrency: 1,
            memory_mb: 256,
            env: Variables(env.into()),
        };
        let function = Function {
            name: "f".to_owned(),
            settings,
            revision: String::new(),
            actor: String::new(),
            registered_at: Timestamp(0),
            leased_until: None,
        };
        let shared = [("AWS_REGION".to_owned(), "us-east-1".to_owned())];
        let identity = Identity {
            id: "7",
            api: "127.0.0.1:9".to_owned(),
            log_stream: "s",
            runtimes: "/data/runtime".into(),
            shared: &shared,
        };
        let all: std::collections::BTreeMap<_, _> = environment(&function, &identity).into_iter().collect();
        for (name, value) in [
            ("TZ", "CET"),
            ("_HANDLER", "app.handler"),
            ("TOKEN", "x"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("LAMBDA_TASK_ROOT", "/srv/app"),
            ("LAMBDA_RUNTIME_DIR", "/data/runtime"),
            (MARK, "7"),
        ] {
            assert_eq!(all.get(&OsString::from(name)), Some(&value.into()), "{name}");
        }
    }
}
