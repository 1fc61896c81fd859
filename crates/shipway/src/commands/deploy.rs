//! `shipway deploy`: from the commit that is checked out to a running version.

use std::{
    convert,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use shipway_control::{app::Deployment, config::FILE_NAME, release::Release, source::Repo};
use shipway_server::wire::DeployRequest;
use tokio::time::sleep;

use super::{Command, Group};
use crate::{
    api::{Api, Error},
    context::Context,
    exit::Code,
    failure::Failure,
    follow, local,
    release::{self, Made},
    target,
    words::short,
};

/// Attempts to hand the release over: the same key is the same deployment, so that repeating is safe.
const ATTEMPTS_MAX: u32 = 4;
/// Pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Deploy the commit that is checked out
///
/// Reads shipway.toml and git HEAD, computes the version, uploads the artifact if the server
/// does not have it, and follows the deployment to its end. Ctrl-C only stops following. If no
/// server runs for the data directory, one is started in the background.
///
///     $ shipway deploy production
#[derive(Debug, Parser)]
#[command(name = "deploy", verbatim_doc_comment)]
pub struct Deploy {
    /// The environment [default: `default_environment` of shipway.toml, or the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Deploy the commit although files differ from it; the differences are not deployed
    #[arg(long)]
    allow_dirty: bool,
    /// Why: it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not follow the deployment
    #[arg(short, long)]
    detach: bool,
    /// The project's directory [default: here or above]
    #[arg(short = 'C', long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Command for Deploy {
    const GROUP: Option<Group> = Some(Group::Ship);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let from = match &self.dir {
            Some(dir) => std::path::absolute(dir)
                .map_err(|error| Failure::of(format!("`{}`", dir.display()), &error))?,
            None => target::current_dir()?,
        };
        let dir = target::project_dir(&from).ok_or_else(|| {
            Failure::usage(format!("there is no {FILE_NAME} in `{}` or above", from.display()))
                .hint("shipway init writes one")
        })?;
        let wanted = release::Wanted {
            dir: &dir,
            environment: self.environment.as_deref(),
            may_be_dirty: self.allow_dirty,
        };
        let made = tokio::task::block_in_place(|| release::make(cx, wanted))?;
        let api = local::ensure(cx).await?;
        warn_if_older(cx, &api, &dir, &made.release).await;
        let deployment = hand_over(cx, &api, made, self.reason).await?;
        cx.out.say(&format!("{} {}", deployment.id, api.page(&deployment.id)));
        if !self.detach {
            return follow::to_end(cx, api, &deployment.id, convert::identity).await;
        }
        if cx.out.is_json() {
            cx.out.json_line(&deployment)?;
        } else {
            cx.out.say(&format!("watch it: shipway watch {}", deployment.id));
        }
        Ok(Code::Ok)
    }
}

/// Says so if what runs came after the commit that is deployed; whoever wants that may go on.
async fn warn_if_older(cx: &Context, api: &Api, dir: &Path, release: &Release) {
    // A server that does not answer is told by what follows.
    let Ok(services) = api.services().await else { return };
    let mut here = services.into_iter().filter(|service| {
        service.project == release.project_name && service.environment == release.config_name
    });
    let running = here.find_map(|service| Some((service.commit?, service.version?)));
    let Some((commit, version)) = running.filter(|(commit, _)| *commit != release.commit) else { return };
    let is_older = tokio::task::block_in_place(|| Repo::open(dir)?.is_ancestor(&release.commit, &commit));
    if matches!(is_older, Ok(Some(true))) {
        cx.out.warn(&format!(
            "{} is older than what runs: {version} of {} came after it",
            short(&release.commit),
            short(&commit),
        ));
        cx.out.say("  `shipway rollback` goes back to a release that is kept, without building it again");
    }
}

/// Uploads the artifact if it is unknown, and asks for the deployment.
pub async fn hand_over(
    cx: &Context,
    api: &Api,
    made: Made,
    reason: Option<String>,
) -> Result<Deployment, Failure> {
    let sha256 = &made.release.artifact_sha256;
    if !api.has_artifact(sha256).await? {
        cx.out.detail(&format!("uploading {} bytes", made.bytes));
        api.put_artifact(sha256, &made.artifact).await?;
    }
    let key = made.release.release_id.clone();
    let request = DeployRequest { release: made.release, actor: cx.actor(), reason };
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS_MAX {
        match api.deploy(&request, &key).await {
            Err(Error::Unreachable { reason, .. }) => {
                cx.out.detail(&format!("{reason}; trying again"));
                sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            answer => return Ok(answer?),
        }
    }
    Ok(api.deploy(&request, &key).await?)
}
