//! `shipway serve`: wires store, host, edge, application and HTTP together, and stops them in order.

use std::{io::IsTerminal, net::SocketAddr, path::Path, sync::Arc};

use clap::Parser;
use shipway_aws::tasks::Local;
use shipway_control::{
    access::{Keys, Master},
    app::Shipway,
    function::{Functions, Place},
};
use shipway_engine::{Builder, FolderBuckets, Store, SystemClock, TaskHandler};
use shipway_host::{LocalHost, edge};
use shipway_server::{
    logging::Logs,
    metrics::Counts,
    states::{World, admit::Admission},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{Command, Group};
use crate::{
    cloud::{Own, Services},
    context::Context,
    exit::Code,
    failure::Failure,
    functions::Wired,
    local::{
        lock, master,
        record::{self, ServerRecord},
        start::{check_room, make_directory},
    },
    log_groups::LogGroups,
    telemetry::{self, Telemetry},
};

/// Where a server listens unless told otherwise; any free port if that is taken.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7420);

/// Run the server
///
/// One server per data directory. It prints its address on stdout and logs to stderr. Deployed
/// services and their proxy go on when it stops; `shipway down` stops everything.
///
///     $ shipway serve --listen 127.0.0.1:7420
#[derive(Debug, Parser)]
#[command(name = "serve", verbatim_doc_comment)]
pub struct Serve {
    /// Where to listen [default: 127.0.0.1:7420, or any free port if that is taken]
    #[arg(long, value_name = "ADDRESS", env = "SHIPWAY_LISTEN", hide_env_values = true)]
    listen: Option<SocketAddr>,
    /// A name besides localhost to answer to; may be given several times
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Keep executions and records in this PostgreSQL database instead of the data directory
    ///
    /// Such as postgres://shipway@db.internal/shipway?sslmode=require. Give a password by SHIPWAY_DATABASE_URL, not here:
    /// arguments can be seen by everybody on the machine. One server uses a database at a time.
    #[arg(long, value_name = "URL", env = "SHIPWAY_DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    #[command(flatten)]
    states: States,
    #[command(flatten)]
    services: Services,
    #[command(flatten)]
    watch: telemetry::Settings,
    /// Stop services and proxy too when the server is stopped
    #[arg(long)]
    stop_all: bool,
    /// Leave the terminal to others
    #[arg(long, hide = true)]
    background: bool,
}

/// How the Step Functions API answers.
#[derive(Debug, clap::Args)]
struct States {
    /// Answer Step Functions calls without checking their signature; on the loopback only
    #[arg(long)]
    no_auth: bool,
    /// Region in the ARNs of machines and executions
    #[arg(
        long,
        value_name = "REGION",
        default_value = "local",
        env = "SHIPWAY_REGION",
        hide_env_values = true
    )]
    region: String,
    /// Account in the ARNs of machines and executions
    #[arg(
        long,
        value_name = "DIGITS",
        default_value = "000000000000",
        env = "SHIPWAY_ACCOUNT",
        hide_env_values = true
    )]
    account: String,
    /// A member that answers leave out; may be given several times
    ///
    /// For clients that hold whole answers against older ones, such as recorded tests.
    #[arg(long, value_name = "MEMBER")]
    omit_member: Vec<String>,
}

impl States {
    fn check(&self, listen: SocketAddr) -> Result<(), Failure> {
        if self.no_auth && !listen.ip().is_loopback() {
            return Err(Failure::usage(format!("--no-auth would let everybody in who reaches `{listen}`"))
                .hint("listen on the loopback, such as 127.0.0.1:7420, or leave --no-auth out"));
        }
        if self.account.len() != 12 || !self.account.chars().all(|c| c.is_ascii_digit()) {
            return Err(Failure::usage(format!("`{}` is no account", self.account))
                .hint("--account has 12 digits, such as 000000000000"));
        }
        let is_named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.region.is_empty() || !self.region.chars().all(is_named) {
            return Err(Failure::usage(format!("`{}` is no region", self.region))
                .hint("--region has lower-case letters, digits and `-`, such as eu-west-1"));
        }
        Ok(())
    }

    fn engine(&self) -> shipway_engine::Config {
        let (region, account) = (self.region.clone(), self.account.clone());
        shipway_engine::Config { region, account, ..shipway_engine::Config::default() }
    }

    fn place(&self) -> Place {
        Place { region: self.region.clone(), account: self.account.clone() }
    }

    fn server(
        &self,
        keys: Keys,
        functions: Functions,
        logs: Logs,
        counts: Counts,
        world: Arc<dyn World>,
    ) -> shipway_server::states::Config {
        let admission = if self.no_auth { Admission::Everybody } else { Admission::Signed };
        shipway_server::states::Config {
            admission,
            keys: Some(keys),
            omitted: self.omit_member.clone(),
            functions: Some(functions),
            logs: Some(logs),
            counts: Some(counts),
            world: Some(world),
        }
    }
}

impl Command for Serve {
    const GROUP: Option<Group> = Some(Group::Serve);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        if self.background {
            // WHY: Ctrl-C at the terminal of whoever started it is not for the server. It fails for who leads a
            // process group already, which has left the terminal's foreground anyway.
            let _ = rustix::process::setsid();
        }
        self.states.check(self.listen.unwrap_or(LISTEN))?;
        let own = Arc::new(Own::default());
        let tasks = self.services.handler(&self.states.region, Arc::clone(&own))?;
        logging(cx);
        make_directory(&cx.data_dir)?;
        check_room(&cx.data_dir)?;
        let lock = lock::take(&cx.data_dir).await?;
        record::remove_stale(&cx.data_dir)?;
        let stop = CancellationToken::new();
        let signals = Signals::new()?;
        let served = self.serve(cx, (tasks, own), stop.clone(), signals).await;
        stop.cancel();
        record::remove_own(&cx.data_dir);
        drop(lock);
        served?;
        if self.stop_all {
            super::down::stop_all(cx).await?;
        }
        Ok(Code::Ok)
    }
}

impl Serve {
    async fn serve(
        &self,
        cx: &Context,
        (tasks, own): (Arc<dyn TaskHandler>, Arc<Own>),
        stop: CancellationToken,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let telemetry = Telemetry::new(&self.watch, &cx.open_telemetry(), &cx.data_dir, cx.now())?;
        let exe = std::env::current_exe().map_err(|error| Failure::of("cannot find this program", &error))?;
        let master = master::open(&cx.data_dir)?;
        let store = self.store(cx).await?;
        let host = LocalHost::new(shipway_host::Config::new(&cx.data_dir, &exe));
        let host = Arc::new(host.map_err(|error| unusable(cx, &error))?);
        let watching = tokio::spawn(edge::watch(edge::WatchConfig::new(&exe, &cx.data_dir), stop.clone()));
        let folder = || Arc::new(FolderBuckets::new(cx.data_dir.join("buckets")));
        let buckets = self.services.buckets(&self.states.region)?.unwrap_or_else(|| folder());
        let store = telemetry.watch(store);
        let functions = self.functions(cx, &exe, Arc::clone(&store), &stop)?;
        let world = Arc::new(LogGroups::new(Arc::clone(&tasks)));
        let tasks = Arc::new(Local::new(functions.functions.clone(), tasks));
        let builder = Builder::new(store, Arc::new(SystemClock), self.states.engine()).buckets(buckets);
        let builder = telemetry.observe(builder.fallback(tasks));
        let app = Shipway::start(builder, host, stop.clone()).await;
        let app = app.map_err(|error| Failure::of("cannot start", &error))?;
        own.start(app.engine().clone());
        let (logs, counts) = (telemetry.logs(), telemetry.counts());
        let watching_executions = telemetry.start(app.engine(), self.services.carrier(&self.states.region)?);
        let token = token(cx)?;
        let states = |keys| {
            let functions = functions.functions.clone();
            self.states.server(keys, functions, logs.clone(), counts.clone(), world.clone())
        };
        let (address, serving) = self.listen(&token, master, &app, states, &stop).await?;
        let url = format!("http://{address}");
        functions.tell(&url);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let record = ServerRecord { url: url.clone(), token, pid: std::process::id(), version };
        record::write(&cx.data_dir, &record)?;
        let keeping = tokio::spawn(record::keep(cx.data_dir.clone(), record, stop.clone()));
        announce(cx, &url)?;
        let mut serving: JoinHandle<()> = tokio::spawn(serving);
        tokio::select! {
            name = signals.next() => tracing::info!(signal = name, "stopping; what was deployed goes on"),
            _ = &mut serving => tracing::error!("the server ended by itself"),
        }
        stop.cancel();
        // The server ends its requests within a limit of its own.
        let _ = serving.await;
        app.stopped().await;
        app.engine().stopped().await;
        functions.stopped().await;
        watching_executions.finish().await;
        let _ = watching.await;
        let _ = keeping.await;
        Ok(())
    }

    async fn store(&self, cx: &Context) -> Result<Arc<dyn Store>, Failure> {
        match &self.database {
            Some(url) => shipway_engine::open_postgres(url).await.map_err(|error| {
                Failure::of("cannot use the database", &error)
                    .hint("--database or SHIPWAY_DATABASE_URL names it, such as postgres://shipway@localhost/shipway")
            }),
            None => shipway_engine::open_sqlite(&cx.data_dir).await.map_err(|error| unusable(cx, &error)),
        }
    }

    fn functions(
        &self,
        cx: &Context,
        exe: &Path,
        store: Arc<dyn Store>,
        stop: &CancellationToken,
    ) -> Result<Wired, Failure> {
        Wired::new(&cx.data_dir, exe, store, self.states.place(), self.services.endpoint_url(), stop)
    }

    async fn listen(
        &self,
        token: &str,
        master: Master,
        app: &Shipway,
        states: impl Fn(Keys) -> shipway_server::states::Config,
        stop: &CancellationToken,
    ) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static), Failure> {
        let keys = Keys::new(app.engine().clone(), master);
        let config = |listen| shipway_server::Config {
            listen,
            token: token.to_owned(),
            allowed_hosts: self.allow_host.clone(),
            states: states(keys.clone()),
        };
        let app = Arc::new(app.clone());
        let wanted = self.listen.unwrap_or(LISTEN);
        let any = SocketAddr::new(wanted.ip(), 0);
        let is_taken = std::net::TcpListener::bind(wanted).is_err();
        let listen = if self.listen.is_none() && is_taken { any } else { wanted };
        let served = shipway_server::serve(config(listen), app, stop.clone()).await;
        served.map_err(|error| {
            Failure::of("the server cannot start", &error).hint("name another address with --listen")
        })
    }
}

/// The address on stdout; for people with a word on how to go on.
fn announce(cx: &Context, url: &str) -> Result<(), Failure> {
    tracing::info!(url, data_dir = %cx.data_dir.display(), "serving");
    // In the background nobody reads stdout.
    match cx.out.is_json() {
        true => cx.out.json_line(&serde_json::json!({"url": url, "pid": std::process::id()})),
        false => cx.out.text(url),
    }
}

fn unusable(cx: &Context, error: &dyn std::error::Error) -> Failure {
    Failure::of(format!("cannot use the data directory `{}`", cx.data_dir.display()), error)
        .hint("it must be writable and have room; name another one with --data-dir or SHIPWAY_DATA_DIR")
}

/// `SHIPWAY_TOKEN`, or a new one.
fn token(cx: &Context) -> Result<String, Failure> {
    if let Some(token) = cx.token() {
        return Ok(token);
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::of("no random numbers for a token", &error))?;
    Ok(hex::encode(bytes))
}

/// The signals that stop a server.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on the signals do not end the process.
    fn new() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::of("cannot listen for signals", &error);
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Logs to stderr: for people on a terminal, JSON lines elsewhere.
pub fn logging(cx: &Context) {
    let filter = EnvFilter::try_new(cx.log_filter()).unwrap_or_else(|_| EnvFilter::new("info"));
    // WHY: a log that cannot be written would be reported on stderr by a macro that panics when that fails too: a full
    // disk or a reader who went away ended the thread that happened to log, the store's writer among them.
    let logs = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Only the first subscriber of a process counts; a second call changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).with_ansi(cx.out.talk().is_on()).try_init()
    } else {
        logs.json().flatten_event(true).with_ansi(false).try_init()
    };
}
