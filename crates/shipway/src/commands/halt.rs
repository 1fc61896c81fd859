//! `shipway halt`: stops a deployment and has it clean up.

use clap::Parser;
use shipway_server::wire::HaltRequest;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, follow, local, target};

/// Stop a deployment and clean up after it
///
/// What served before serves on. Refused once the new version is in charge: then `shipway
/// rollback` leads back. Ends with exit code 0 when the deployment is halted.
///
///     $ shipway halt production --reason "wrong branch"
#[derive(Debug, Parser)]
#[command(name = "halt", verbatim_doc_comment)]
pub struct Halt {
    /// A deployment's id, or an environment
    #[arg(value_name = "ID|ENV")]
    target: Option<String>,
    /// Why: it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait until it has cleaned up
    #[arg(long)]
    detach: bool,
}

impl Command for Halt {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::ensure(cx).await?;
        let deployment = target::deployment(&api, self.target.as_deref()).await?;
        let actor = cx.actor();
        let reason = self.reason.unwrap_or_else(|| format!("halted by {actor}"));
        let halting = api.halt(&deployment.id, &HaltRequest { actor, reason }).await?;
        cx.out.say(&format!("halting {}", halting.id));
        if self.detach {
            if cx.out.is_json() {
                cx.out.json(&halting)?;
            }
            return Ok(Code::Ok);
        }
        match follow::to_end(cx, api, &halting.id, meaning).await? {
            Code::Denied => {
                Err(Failure::new(Code::Denied, "the deployment succeeded before it could be halted")
                    .hint("shipway rollback"))
            }
            code => Ok(code),
        }
    }
}

/// What the end of the deployment means for who wanted it halted.
fn meaning(end: Code) -> Code {
    match end {
        Code::FailedClean => Code::Ok,
        Code::Ok => Code::Denied,
        code => code,
    }
}
