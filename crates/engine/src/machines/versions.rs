//! Versions of machines: revisions with a number that stays. Does not start them.

use shipway_asl::Timestamp;

use super::{
    Change, Error, Machine, VERSIONS_MAX, Version, change,
    registry::{standing, users},
};
use crate::engine::Engine;

/// What AWS calls the first revision, which has no id.
const INITIAL: &str = "INITIAL";

impl Engine {
    /// Publishes the machine as it stands. If `revision_id` is given, it must be that of the machine; a revision that
    /// is published already is not published again.
    pub async fn publish_version(
        &self,
        name: &str,
        revision_id: Option<&str>,
        description: Option<&str>,
    ) -> Result<Version, Error> {
        let now = self.clock().now();
        change(self.store(), name, |found| {
            let machine = users(found, name)?;
            let current = machine.revision_id.as_deref().unwrap_or(INITIAL);
            if let Some(given) = revision_id.filter(|given| *given != current) {
                return Err(Error::OtherRevision { given: given.to_owned(), current: current.to_owned() });
            }
            publish(machine, description.map(str::to_owned), now).map(Change::write)
        })
        .await
    }

    /// Deletes a version that no alias leads to. One that does not exist is deleted already.
    pub async fn delete_version(&self, name: &str, number: u64) -> Result<(), Error> {
        change(self.store(), name, |found| {
            // WHY: of a machine that is going, everything goes.
            let Some(machine) = standing(found) else { return Ok(Change::keep(())) };
            let machine = users(Some(machine), name)?;
            let leads = |alias: &&super::Alias| alias.routes.iter().any(|route| route.version == number);
            let aliases: Vec<String> =
                machine.aliases.iter().filter(leads).map(|alias| alias.name.clone()).collect();
            if !aliases.is_empty() {
                return Err(Error::VersionInUse(aliases));
            }
            machine.versions.retain(|version| version.number != number);
            Ok(Change::write(()))
        })
        .await
    }
}

/// The version that the machine's revision has, or a new one.
pub(super) fn publish(
    machine: &mut Machine,
    description: Option<String>,
    now: Timestamp,
) -> Result<Version, Error> {
    let of_revision = machine.versions.iter().find(|version| version.revision == machine.revision);
    match of_revision.cloned() {
        Some(version) => Ok(version),
        None => add(machine, description, now),
    }
}

/// A new version.
pub(super) fn add(
    machine: &mut Machine,
    description: Option<String>,
    now: Timestamp,
) -> Result<Version, Error> {
    if machine.versions.len() >= VERSIONS_MAX {
        return Err(Error::TooMany { what: "versions", most: VERSIONS_MAX });
    }
    machine.last_version += 1;
    let version =
        Version { number: machine.last_version, revision: machine.revision, description, created_at: now };
    machine.versions.push(version.clone());
    Ok(version)
}
