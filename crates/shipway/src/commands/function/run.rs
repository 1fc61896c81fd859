//! `shipway function run`: a function for as long as the command runs, with its log on the terminal and new code as soon as
//! a file has changed.

use std::{path::Path, time::Duration};

use shipway_control::{function::Settings, host::LogPage};
use shipway_server::wire::{FunctionRequest, RemoveRequest};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

use super::{FunctionCode, watch};
use crate::{api::Api, commands::logs, context::Context, exit::Code, failure::Failure, local};

/// Time between two looks for new lines and changed files.
const LOOK: Duration = Duration::from_millis(300);
/// Time between two renewals: several fit into the time that the server waits for one.
const RENEW: Duration = Duration::from_secs(4);
/// Lines of one look.
const LINES_MAX: u32 = 10_000;

/// Run a function while you work on it
///
/// Until Ctrl-C, with its log here; the next call after a file has changed runs the new code. A
/// function of this name that is registered for good is not put aside for it.
///
///     $ shipway function run greet --runtime node --handler index.handler
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// Its name
    name: String,
    #[command(flatten)]
    code: FunctionCode,
    /// Leave running processes as they are when a file changes
    #[arg(long)]
    no_watch: bool,
}

/// A function that is kept up.
struct Held<'a> {
    cx: &'a Context,
    api: Api,
    name: String,
    settings: Settings,
    revision: String,
    renewed: Instant,
    /// Of its files, if they are watched.
    fingerprint: Option<u64>,
    /// The end of the log that was shown.
    cursor: String,
}

impl Run {
    pub async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let failed = |error: std::io::Error| Failure::of("cannot listen for signals", &error);
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut held = self.hold(cx).await?;
        cx.out.say(&format!("`{}` runs until Ctrl-C", held.name));
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = sleep(LOOK) => held.look().await?,
            }
        }
        held.look().await?;
        held.remove().await?;
        Ok(Code::Interrupted)
    }

    async fn hold(self, cx: &Context) -> Result<Held<'_>, Failure> {
        let settings = self.code.settings()?;
        let api = local::expect(cx).await?;
        let fingerprint = match self.no_watch {
            true => None,
            false => Some(fingerprint(&settings.directory).await),
        };
        let mut held = Held {
            cx,
            api,
            name: self.name,
            settings,
            revision: String::new(),
            renewed: Instant::now(),
            fingerprint,
            cursor: String::new(),
        };
        held.register().await?;
        held.cursor = held.api.function_logs(&held.name, 1, None).await?.cursor;
        Ok(held)
    }
}

impl Held<'_> {
    async fn register(&mut self) -> Result<(), Failure> {
        let settings = self.settings.clone();
        let request = FunctionRequest { settings, is_leased: true, actor: self.cx.actor() };
        self.revision = self.api.register_function(&self.name, &request).await?.revision;
        self.renewed = Instant::now();
        Ok(())
    }

    /// Shows what is new, and says that the function shall stay.
    async fn look(&mut self) -> Result<(), Failure> {
        let page: LogPage = self.api.function_logs(&self.name, LINES_MAX, Some(&self.cursor)).await?;
        logs::show(self.cx, &page)?;
        self.cursor = page.cursor;
        if let Some(before) = self.fingerprint {
            let now = fingerprint(&self.settings.directory).await;
            if now != before {
                self.fingerprint = Some(now);
                self.register().await?;
                self.cx.out.say("a file has changed: the next call runs the new code");
            }
        }
        if self.renewed.elapsed() >= RENEW {
            self.api.renew_function(&self.name, &self.revision).await?;
            self.renewed = Instant::now();
        }
        Ok(())
    }

    async fn remove(self) -> Result<(), Failure> {
        let request = RemoveRequest { revision: Some(self.revision), actor: self.cx.actor() };
        self.api.remove_function(&self.name, &request).await?;
        Ok(())
    }
}

async fn fingerprint(directory: &Path) -> u64 {
    let directory = directory.to_path_buf();
    tokio::task::spawn_blocking(move || watch::fingerprint(&directory)).await.unwrap_or_default()
}
