//! Accepts deployments: all checks, then one commit.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shipway_asl::Timestamp;
use shipway_engine::{Put, StartExecution, store};

use super::{Deploy, Deployment, Error, Lock, Shipway, of_engine, of_lock, of_record};
use crate::{
    config::check_release,
    deployer::{
        host::{self, Run, run},
        records::{self, Accepted, scope},
    },
    lock::{self, Claim, Holder, Refusal, Request, decide},
    release::Release,
};

/// Longest name, reason and idempotency key that is taken.
const TEXT_MAX: usize = 2_000;

/// A used idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    deployment: String,
    release_id: String,
}

/// An entry of the deployments in order of time, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) deployment: String,
    pub(super) project: String,
    pub(super) environment: String,
    pub(super) release_id: String,
}

impl Shipway {
    /// Accepts a deployment, or refuses it before anything is changed: bad release, lock held.
    pub async fn deploy(&self, deploy: Deploy) -> Result<Deployment, Error> {
        check(&deploy, self.engine.clock().now())?;
        if let Some(deployment) = self.earlier(&deploy).await? {
            return Ok(deployment);
        }
        self.is_new(&deploy.release).await?;
        self.is_unlocked(&deploy.release).await?;
        self.ask("checking the machine", self.host.check(&deploy.release)).await?;
        self.accept(deploy).await
    }

    /// The deployment that the same request has started before.
    async fn earlier(&self, deploy: &Deploy) -> Result<Option<Deployment>, Error> {
        let key = idempotency_key(deploy);
        let used = records::read::<Used>(&self.engine, &key).await.map_err(|error| of_record(&error))?;
        match used {
            None => Ok(None),
            Some((used, _)) if used.release_id == deploy.release.release_id => {
                self.deployment(&used.deployment).await.map(Some)
            }
            Some((used, _)) => Err(Error::Bad {
                field: "idempotency_key".to_owned(),
                reason: format!("was used for release `{}` before", used.release_id),
                hint: Some("use a new key for a new release".to_owned()),
            }),
        }
    }

    /// A release is deployed once: what ran under an id never changes.
    async fn is_new(&self, release: &Release) -> Result<(), Error> {
        let key = records::release_key(&release.project_name, &release.config_name, &release.release_id);
        match records::read::<Value>(&self.engine, &key).await.map_err(|error| of_record(&error))? {
            None => Ok(()),
            Some(_) => Err(deployed_before(&release.release_id)),
        }
    }

    /// Refuses what the `Lock` state would refuse, before anything is started.
    async fn is_unlocked(&self, release: &Release) -> Result<(), Error> {
        let (project, environment) = (&release.project_name, &release.config_name);
        let read = self.locks().read(project, environment).await.map_err(|error| of_lock(&error))?;
        let Some(hold) = read.hold() else { return Ok(()) };
        let present = self.locks().holder(hold).await;
        let present = present.map_err(|error| of_engine("reading the lock's holder", &error))?;
        let nobody =
            Claim { holder: String::new(), execution_arn: String::new(), actor: String::new(), reason: None };
        let acquire = Request::Acquire { claim: nobody, present };
        match decide(&read.state, read.version, acquire, self.engine.clock().now()) {
            Err(Refusal::Held(_)) => Err(Error::Locked(Box::new(show(project, environment, &read, present)))),
            Ok(_) | Err(Refusal::Lost { .. }) => Ok(()),
        }
    }

    async fn accept(&self, deploy: Deploy) -> Result<Deployment, Error> {
        let release = &deploy.release;
        let now = self.engine.clock().now();
        let row = records::environment(&self.engine, &release.project_name, &release.config_name).await;
        let row = row.map_err(|error| of_record(&error))?;
        let id = deployment_id(release, self.engine.clock().entropy());
        let machine = host::DEPLOYER.name.to_owned();
        let accepted = Accepted {
            execution_arn: self.engine.execution_arn(&machine, &id),
            id,
            deployer: machine.clone(),
            project: release.project_name.clone(),
            environment: release.config_name.clone(),
            release_id: release.release_id.clone(),
            previous_version: row.good.first().map(|good| good.version.clone()),
            actor: deploy.actor.clone(),
            reason: deploy.reason.clone(),
            accepted_at: now,
        };
        let request =
            run::Request { actor: deploy.actor.clone(), reason: deploy.reason.clone(), accepted_at: now };
        let input = Run::new(request, release.clone());
        let start = StartExecution {
            machine,
            name: accepted.id.clone(),
            input: serde_json::to_value(&input)
                .map_err(|error| super::unavailable("writing the release", &error))?,
            records: puts(&accepted, &deploy).map_err(|error| of_record(&error))?,
        };
        match self.engine.start(start).await {
            Ok(_) => self.deployment(&accepted.id).await,
            Err(shipway_engine::Error::Store(store::Error::Conflict { .. })) => {
                // The same request came in twice at the same moment, or the same release in two requests.
                self.earlier(&deploy).await?.ok_or_else(|| deployed_before(&release.release_id))
            }
            Err(error) => Err(of_engine("starting the deployment", &error)),
        }
    }
}

fn check(deploy: &Deploy, now: Timestamp) -> Result<(), Error> {
    text("actor", &deploy.actor)?;
    text("idempotency_key", &deploy.idempotency_key)?;
    if let Some(reason) = &deploy.reason {
        text("reason", reason)?;
    }
    check_release(&deploy.release, now).map_err(|bad| Error::Bad {
        field: bad.field,
        reason: bad.reason,
        hint: bad.hint,
    })
}

/// Refuses an empty, endless or unprintable text.
pub(super) fn text(field: &str, text: &str) -> Result<(), Error> {
    let is_good = !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.contains('\0');
    if is_good {
        return Ok(());
    }
    Err(Error::Bad {
        field: field.to_owned(),
        reason: format!("must be a text of 1 to {TEXT_MAX} bytes"),
        hint: None,
    })
}

fn deployed_before(release_id: &str) -> Error {
    Error::Refused {
        reason: format!("release `{release_id}` was deployed before"),
        hint: Some(
            "`shipway deploy` makes a new release; `shipway rollback --to` goes back to an old one"
                .to_owned(),
        ),
    }
}

fn idempotency_key(deploy: &Deploy) -> String {
    let hash = hex::encode(Sha256::digest(deploy.idempotency_key.as_bytes()));
    format!("idempotency/{}/{hash}", scope(&deploy.release.project_name, &deploy.release.config_name))
}

/// Everything that is known of a deployment from its first moment: written with its execution or not at all.
fn puts(accepted: &Accepted, deploy: &Deploy) -> Result<Vec<Put>, records::Error> {
    let (project, environment) = (&accepted.project, &accepted.environment);
    let used = Used { deployment: accepted.id.clone(), release_id: accepted.release_id.clone() };
    let entry = Entry {
        deployment: accepted.id.clone(),
        project: project.clone(),
        environment: environment.clone(),
        release_id: accepted.release_id.clone(),
    };
    let place = place(accepted.accepted_at, &accepted.id);
    let release = records::release_key(project, environment, &accepted.release_id);
    Ok(vec![
        records::put_new(idempotency_key(deploy), &used)?,
        records::put_new(release, &deploy.release)?,
        records::put_new(records::accepted_key(&accepted.id), accepted)?,
        records::put_new(format!("{ALL}{place}"), &entry)?,
        records::put_new(format!("{}{place}", of_scope(project, environment)), &entry)?,
    ])
}

/// Prefix of all deployments in order of time.
pub(super) const ALL: &str = "timeline/";

/// Prefix of an environment's deployments in order of time.
pub(super) fn of_scope(project: &str, environment: &str) -> String {
    format!("timeline-of/{}/", scope(project, environment))
}

/// A key part that sorts newer deployments first.
fn place(at: Timestamp, id: &str) -> String {
    format!("{:019}-{id}", i64::MAX.saturating_sub(at.0))
}

/// `<project>-<environment>-<version>-<7 letters>`, at most 80 characters, as AWS wants it.
fn deployment_id(release: &Release, entropy: u64) -> String {
    let version = release.version.replace('+', "-");
    let name = format!("{}-{}-{version}", release.project_name.replace('/', "-"), release.config_name);
    let name: String = name.chars().take(72).collect();
    format!("{name}-{}", letters(entropy))
}

/// Seven letters out of a random number.
pub(super) fn letters(entropy: u64) -> String {
    let mut rest = entropy;
    (0..7)
        .map(|_| {
            let letter = b'a'.saturating_add(u8::try_from(rest % 26).unwrap_or(0));
            rest /= 26;
            char::from(letter)
        })
        .collect()
}

/// Project and environment of an execution's input.
pub(super) fn scope_of(input: &Value) -> Option<(&str, &str)> {
    let text = |pointer: &str| input.pointer(pointer).and_then(Value::as_str);
    Some((text("/release/project_name")?, text("/release/config_name")?))
}

/// A lock as people see it; a lock that a person has to break never expires.
pub(super) fn show(project: &str, environment: &str, read: &lock::records::Read, present: Holder) -> Lock {
    let hold = read.hold();
    Lock {
        key: lock::records::name(project, environment),
        holder: hold.map(|hold| hold.holder.clone()),
        actor: hold.map(|hold| hold.actor.clone()),
        reason: hold.and_then(|hold| hold.reason.clone()),
        since: hold.map(|hold| hold.since),
        expires_at: hold.filter(|_| present != Holder::EndedDirty).map(|hold| hold.expires_at),
        token: hold.map_or(read.version, |hold| hold.token.0),
    }
}
