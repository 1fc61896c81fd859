//! `shipway lock`: who may deploy to an environment at this moment.

use clap::{Parser, Subcommand};
use shipway_server::wire::BreakRequest;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, known, local, target, words::ago};

/// Show who holds an environment's lock, or free it
///
/// One deployment at a time holds the lock of its project and environment.
///
///     $ shipway lock show production
#[derive(Debug, Parser)]
#[command(name = "lock", verbatim_doc_comment)]
pub struct Lock {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show who holds the lock, since when and why
    Show {
        /// The environment
        #[arg(value_name = "ENV")]
        environment: Option<String>,
    },
    /// Free the lock of a deployment that has ended
    ///
    /// A deployment that could not be undone keeps its lock, so that nobody deploys over what it left.
    /// Look at that first; then free the lock. Refused while the deployment runs: halt it instead.
    ///
    ///     $ shipway lock break production --reason "the old processes were stopped by hand"
    #[command(verbatim_doc_comment)]
    Break {
        /// The environment
        #[arg(value_name = "ENV")]
        environment: Option<String>,
        /// Why: it stays in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

impl Command for Lock {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let (environment, reason) = match self.verb {
            Verb::Show { environment } => (environment, None),
            Verb::Break { environment, reason } => (environment, Some(reason)),
        };
        let scope = target::scope(environment.as_deref())?;
        let api = local::expect(cx).await?;
        known::named(&api, environment.as_deref(), &scope).await?;
        let lock = match reason {
            None => api.lock(&scope.project, &scope.environment).await?,
            Some(reason) => {
                let request = BreakRequest { actor: cx.actor(), reason };
                api.break_lock(&scope.project, &scope.environment, &request).await?
            }
        };
        if cx.out.is_json() {
            cx.out.json(&lock)?;
        } else {
            cx.out.text(&text(&lock, cx.now()))?;
        }
        Ok(Code::Ok)
    }
}

fn text(lock: &shipway_control::app::Lock, now: shipway_asl::Timestamp) -> String {
    let Some(holder) = &lock.holder else {
        return format!("{} is free (token {})\n", lock.key, lock.token);
    };
    let mut text = format!("{} is held\n  by      {holder}\n", lock.key);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name:<7} {value}\n"));
        }
    };
    line("actor", lock.actor.clone());
    line("reason", lock.reason.clone());
    line("since", lock.since.map(|since| format!("{since} ({})", ago(since, now))));
    line("until", lock.expires_at.map(|until| format!("{until}, if it is not renewed")));
    line("token", Some(lock.token.to_string()));
    text.push_str(&format!("`shipway watch {holder}` shows it\n"));
    text
}
