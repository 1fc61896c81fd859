//! Where everything is in the data directory, and which names may become parts of a path.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use shipway_control::{
    host::{GroupId, HostError},
    name,
};

use crate::{
    fault::{During, bad_release},
    file::is_absent,
    group::GroupDir,
};

/// The data directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    data: PathBuf,
}

impl Layout {
    pub(crate) fn new(data: PathBuf) -> Self {
        Self { data }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Uploads that have not been taken in.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.data.join("uploads")
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.data.join("artifacts")
    }

    /// The artifact with this hash, whether it is there or not.
    pub(crate) fn artifact(&self, sha256: &str) -> Result<PathBuf, HostError> {
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hash {
            let reason = "not a SHA-256: 64 lower-case hex digits are expected".to_owned();
            return Err(HostError::Artifact { sha256: sha256.chars().take(80).collect(), reason });
        }
        Ok(self.artifacts().join(format!("{sha256}.tar")))
    }

    /// Holds the highest fencing token seen.
    pub(crate) fn fence(&self, project: &str, environment: &str) -> Result<PathBuf, HostError> {
        let project = project_segment(project)?;
        check(environment, "config_name")?;
        Ok(self.data.join("fences").join(project).join(environment))
    }

    /// The directory of a group, whether it is there or not.
    pub(crate) fn group(&self, id: &GroupId) -> Result<GroupDir, HostError> {
        check(&id.service, &format!("services.{}", id.service))?;
        check_release_id(&id.release_id)?;
        let environment = self.environment(&id.project, &id.environment)?;
        Ok(GroupDir::new(environment.join(&id.service).join(&id.release_id)))
    }

    /// Groups of one project and environment.
    pub(crate) fn groups_of(&self, project: &str, environment: &str) -> Result<Vec<GroupDir>, HostError> {
        group_dirs(vec![self.environment(project, environment)?], 2)
    }

    /// All groups.
    pub(crate) fn all_groups(&self) -> Result<Vec<GroupDir>, HostError> {
        group_dirs(vec![self.data.join("groups")], 4)
    }

    fn environment(&self, project: &str, environment: &str) -> Result<PathBuf, HostError> {
        let project = project_segment(project)?;
        check(environment, "config_name")?;
        Ok(self.data.join("groups").join(project).join(environment))
    }
}

/// `/` cannot be in a segment and `~` cannot be in a name, so two projects never share a directory.
fn project_segment(project: &str) -> Result<String, HostError> {
    name::check_project(project).map_err(|error| bad_release("project_name", error))?;
    Ok(project.replace('/', "~"))
}

fn check(segment: &str, field: &str) -> Result<(), HostError> {
    name::check_segment(segment).map_err(|error| bad_release(field, error))
}

fn check_release_id(id: &str) -> Result<(), HostError> {
    let starts_well = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:+".contains(&b));
    if starts_well && is_plain && id.len() <= 120 {
        return Ok(());
    }
    let reason =
        format!("`{id}` is not a release id: at most 120 letters, digits and `-`, starting with one");
    Err(bad_release("release_id", reason))
}

/// Directories `depth` levels below, in order of their names.
fn group_dirs(mut level: Vec<PathBuf>, depth: usize) -> Result<Vec<GroupDir>, HostError> {
    for _ in 0..depth {
        let mut next = Vec::new();
        for path in level {
            next.extend(directories_in(&path).during("list", &path)?);
        }
        level = next;
    }
    level.sort();
    Ok(level.into_iter().map(GroupDir::new).collect())
}

fn directories_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(project: &str, environment: &str, service: &str, release: &str) -> GroupId {
        GroupId {
            project: project.to_owned(),
            environment: environment.to_owned(),
            service: service.to_owned(),
            release_id: release.to_owned(),
        }
    }

    #[test]
    fn a_group_has_a_directory_of_its_own() {
        let layout = Layout::new("/data".into());
        let dir = layout.group(&id("acme/shop", "production", "web", "release-1")).unwrap();
        assert_eq!(dir.path(), Path::new("/data/groups/acme~shop/production/web/release-1"));
    }

    #[test]
    fn no_name_leads_out_of_the_data_directory() {
        let layout = Layout::new("/data".into());
        for (bad, field) in [
            (id("../x", "production", "web", "r"), "project_name"),
            (id("a", "..", "web", "r"), "config_name"),
            (id("a", "production", "../web", "r"), "services.../web"),
            (id("a", "production", "web", ".."), "release_id"),
            (id("a", "production", "web", "a/b"), "release_id"),
        ] {
            match layout.group(&bad).unwrap_err() {
                HostError::BadRelease { field: found, .. } => assert_eq!(found, field),
                other => panic!("{other}"),
            }
        }
        layout.artifact("../../etc/passwd").unwrap_err();
        layout.fence("a", "../b").unwrap_err();
    }
}
