//! Functions on this machine: processes that run users' Lambda code, each with a Runtime API of its own. Implements
//! `control`'s port to whoever runs functions; keeps no registration.
//!
//! - A process takes one call at a time, is kept for the next one, and ends when it has waited long.
//! - Processes die with the server: by a signal of the system, and what they have started by a guard beside the server.
//! - A call runs to its end, whoever waits for it; the end of the server ends it, and its caller calls again.

mod desk;
mod environment;
mod failure;
mod guard;
mod output;
mod peer;
mod pool;
mod report;
mod runtime_api;
mod spawn;

use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use shipway_control::{
    app::Error,
    function::{Function, Invocation, Outcome, Runner, Runtime, Settings, Unfinished, Use},
    host::{LogPage, LogQuery},
};
use tokio::{
    sync::oneshot,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    guard::Guard,
    pool::{Pool, Room},
    spawn::Spawner,
};
use crate::{
    command, file,
    keeper::{Log, exec},
    logs,
};

/// The one version that there is of a function.
const VERSION: &str = "$LATEST";
/// Shipway's own runtimes.
const RUNTIMES: &[(&str, &str)] =
    &[("python.py", include_str!("bootstrap/python.py")), ("node.mjs", include_str!("bootstrap/node.mjs"))];

/// What [`LocalFunctions`] need to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shipway's data directory.
    pub data_dir: PathBuf,
    /// Shipway's binary, whose arguments go to [`crate::keeper::dispatch`].
    pub exe: PathBuf,
    /// Variables that all functions get, if they have no such ones of their own.
    pub environment: Vec<(String, String)>,
    /// How long a process that waits for calls is kept.
    pub idle_max: Duration,
    /// How long a process may take to start, besides the time of its first call.
    pub init_max: Duration,
}

impl Config {
    /// The usual times: as Lambda's to start, and a few minutes to wait.
    pub fn new(data_dir: impl Into<PathBuf>, exe: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            exe: exe.into(),
            environment: Vec::new(),
            idle_max: Duration::from_secs(300),
            init_max: Duration::from_secs(10),
        }
    }
}

/// What all processes share.
struct Shared {
    config: Config,
    dir: PathBuf,
    spawner: Spawner,
    guard: Guard,
    room: Room,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    logs: Mutex<HashMap<String, Arc<Mutex<Log>>>>,
    /// Variables that were told after the start.
    told: Mutex<Vec<(String, String)>>,
    supervisor: TaskTracker,
    stop: CancellationToken,
}

/// The functions of this machine; clones share them.
#[derive(Clone)]
pub struct LocalFunctions(Arc<Shared>);

impl LocalFunctions {
    /// Starts no process; to be called in a runtime. All processes end when `stop` is cancelled.
    ///
    /// # Errors
    /// If the thread that starts processes cannot be started.
    pub fn new(config: Config, stop: CancellationToken) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            dir: config.data_dir.join("functions"),
            spawner: Spawner::start(tokio::runtime::Handle::current())?,
            guard: Guard::new(&config.exe),
            config,
            room: Room::new(),
            pools: Mutex::default(),
            logs: Mutex::default(),
            told: Mutex::default(),
            supervisor: TaskTracker::new(),
            stop,
        });
        shared.supervisor.spawn(expire(Arc::clone(&shared)));
        Ok(Self(shared))
    }

    /// Gives variables to all processes that are started from now on, if they have no such ones of their own.
    pub fn tell(&self, variables: impl IntoIterator<Item = (String, String)>) {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner).extend(variables);
    }

    /// Returns when no process is left, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.0.supervisor.close();
        self.0.supervisor.wait().await;
    }
}

/// Ends processes that have waited too long.
async fn expire(shared: Arc<Shared>) {
    let idle_max = shared.config.idle_max;
    loop {
        let then = Instant::now().checked_sub(idle_max);
        let pools: Vec<Arc<Pool>> = shared.pools().values().cloned().collect();
        let next = pools.iter().filter_map(|pool| match then {
            Some(then) => pool.expire(then),
            None => pool.oldest(),
        });
        let due = next.min().map(|since| since + idle_max);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.room.idles.notified() => {}
            () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {}
        }
    }
}

impl Shared {
    /// The processes of this registration; those of another one are not used any more.
    fn pool(&self, function: &Function) -> Arc<Pool> {
        let mut pools = self.pools();
        match pools.get(&function.name) {
            Some(pool) if pool.function.revision == function.revision => Arc::clone(pool),
            before => {
                if let Some(before) = before {
                    before.retire();
                }
                let pool = Arc::new(Pool::new(function.clone()));
                pools.insert(function.name.clone(), Arc::clone(&pool));
                pool
            }
        }
    }

    /// Ends the process that has waited longest of all.
    fn evict(&self) {
        let pools = self.pools();
        let oldest =
            pools.values().filter_map(|pool| Some((pool.oldest()?, pool))).min_by_key(|(since, _)| *since);
        if let Some((_, pool)) = oldest {
            pool.drop_oldest();
        }
    }

    fn pools(&self) -> MutexGuard<'_, HashMap<String, Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Variables that all functions get.
    fn environment(&self) -> Vec<(String, String)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.config.environment.iter().chain(told.iter()).cloned().collect()
    }

    /// The log of a function.
    fn log(&self, name: &str) -> io::Result<Arc<Mutex<Log>>> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(name) {
            return Ok(Arc::clone(log));
        }
        let dir = self.log_dir(name);
        file::make_directory(&dir)?;
        let log = Arc::new(Mutex::new(Log::open(&dir)?));
        logs.insert(name.to_owned(), Arc::clone(&log));
        Ok(log)
    }

    fn log_dir(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(name)
    }

    /// The directory of Shipway's own runtimes, as this version has them.
    fn runtimes(&self) -> io::Result<PathBuf> {
        let dir = self.dir.join("runtime");
        file::make_directory(&dir)?;
        for (name, text) in RUNTIMES {
            let path = dir.join(name);
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                file::replace(&path, text.as_bytes())?;
            }
        }
        Ok(dir)
    }
}

#[async_trait]
impl Runner for LocalFunctions {
    fn check(&self, settings: &Settings) -> Result<(), Error> {
        let directory = &settings.directory;
        if !directory.is_dir() {
            let reason = format!("`{}` is no directory of the server's machine", directory.display());
            return Err(bad("directory", reason, "name the directory that the code is in"));
        }
        let program = match settings.runtime {
            Runtime::Python => "python3",
            Runtime::Node => "node",
            Runtime::Provided => return check_bootstrap(directory),
        };
        let path = command::search_path(settings.env.0.get("PATH"));
        let is_there = std::env::split_paths(&path).any(|dir| is_executable(&dir.join(program)));
        match is_there {
            true => Ok(()),
            false => {
                let reason = format!("there is no `{program}` in the server's PATH");
                Err(bad("runtime", reason, "install it, or name its folder with --env PATH=..."))
            }
        }
    }

    async fn invoke(&self, function: &Function, invocation: Invocation) -> Result<Outcome, Unfinished> {
        let stopping = || Unfinished::Machine("the server is stopping".to_owned());
        if self.0.stop.is_cancelled() {
            return Err(stopping());
        }
        let pool = self.0.pool(function);
        let place = pool.place().ok_or(Unfinished::Busy)?;
        let shared = Arc::clone(&self.0);
        let (done, outcome) = oneshot::channel();
        self.0.supervisor.spawn(async move {
            let outcome = pool.run(&shared, invocation, place).await;
            // WHY: the call has run, even if nobody waits for it any more.
            let _ = done.send(outcome);
        });
        match outcome.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => {
                Err(Unfinished::Machine(format!("the function's process cannot be started: {error}")))
            }
            Err(_) => Err(stopping()),
        }
    }

    async fn place_freed(&self, name: &str) {
        let pool = self.0.pools().get(name).cloned();
        match pool {
            Some(pool) => pool.place_freed().await,
            None => tokio::task::yield_now().await,
        }
    }

    fn retire(&self, name: &str, keep: Option<&str>) {
        let mut pools = self.0.pools();
        let is_kept = |pool: &Arc<Pool>| keep == Some(pool.function.revision.as_str());
        if pools.get(name).is_some_and(|pool| !is_kept(pool))
            && let Some(pool) = pools.remove(name)
        {
            pool.retire();
        }
    }

    async fn forget(&self, name: &str) {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        let dir = self.0.log_dir(name);
        let removed = spawn_blocking(move || fs::remove_dir_all(dir)).await;
        match removed {
            Ok(Err(error)) if !file::is_absent(&error) => {
                tracing::warn!(%error, name, "the log of a function could not be removed");
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn usage(&self, name: &str) -> Use {
        self.0.pools().get(name).map(|pool| pool.usage()).unwrap_or_default()
    }

    async fn logs(&self, name: &str, query: &LogQuery) -> Result<LogPage, Error> {
        let (dir, query) = (self.0.log_dir(name), query.clone());
        let unavailable =
            |reason: String| Error::Unavailable { operation: "reading the log".to_owned(), reason };
        match spawn_blocking(move || logs::read(&dir, &query)).await {
            Ok(page) => page.map_err(|error| unavailable(error.to_string())),
            Err(error) => Err(unavailable(error.to_string())),
        }
    }
}

fn check_bootstrap(directory: &Path) -> Result<(), Error> {
    let path = directory.join(spawn::BOOTSTRAP);
    if is_executable(&path) {
        return Ok(());
    }
    let reason = format!("`{}` is no program", path.display());
    Err(bad("directory", reason, "a custom runtime is an executable file `bootstrap` there"))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn bad(field: &str, reason: String, hint: &str) -> Error {
    Error::Bad { field: field.to_owned(), reason, hint: Some(hint.to_owned()) }
}

/// Does what the hidden subcommands `function-process --parent <pid> -- <program> <arguments>` and `function-guard` ask for;
/// `None` if the arguments are for somebody else. Otherwise it returns only what went wrong.
pub(crate) fn dispatch(arguments: &[OsString]) -> Option<io::Result<()>> {
    match arguments {
        [verb] if verb == "function-guard" => Some(guard::run()),
        [verb, flag, parent, dashes, program @ ..]
            if verb == "function-process" && flag == "--parent" && dashes == "--" =>
        {
            let parent = parent.to_str()?.parse().ok()?;
            // WHY: a session of its own, by which all that it starts is found.
            Some(rustix::process::setsid().map_err(io::Error::from).and_then(|_| Err(exec(parent, program))))
        }
        _ => None,
    }
}
