//! Forgets groups that nobody will start again, and artifacts that nobody names.

use std::{collections::BTreeSet, time::Duration};

use shipway_control::host::HostError;

use crate::{
    artifact,
    fault::During,
    group::{Claim, Desired, GroupDir},
    layout::Layout,
    stop,
};

/// Removes a group that is stopped; one that runs, or should, stays.
pub(crate) fn forget(dir: &GroupDir) -> Result<(), HostError> {
    let spec = dir.spec().during("read", &dir.spec_path())?;
    if spec.is_some_and(|spec| spec.desired == Desired::Running) {
        return Ok(());
    }
    match dir.claim().during("find the keeper of", dir.path())? {
        Claim::Kept(_) => Ok(()),
        Claim::Free(lock) => {
            stop::sweep(dir, &lock)?;
            dir.remove().during("remove", dir.path())
        }
    }
}

/// Removes artifacts that no group on this machine and no one in `keep` names.
pub(crate) fn forget_artifacts(layout: &Layout, keep: &[String], age_min: Duration) -> Result<(), HostError> {
    let mut named: BTreeSet<String> = keep.iter().cloned().collect();
    for dir in layout.all_groups()? {
        let spec = dir.spec().during("read", &dir.spec_path())?;
        named.extend(spec.map(|spec| spec.start.artifact_sha256));
    }
    artifact::prune(layout, age_min, |sha256| named.contains(sha256))
}

/// The release that a group's directory is named after.
pub(crate) fn release_of(dir: &GroupDir) -> String {
    dir.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
