//! What the user means: the project around the current directory, an environment of it, a deployment.

use std::path::{Path, PathBuf};

use shipway_control::{
    app::Deployment,
    config::{Config, FILE_NAME},
};

use crate::{
    api::{Api, Error},
    failure::Failure,
    known,
};

/// Directories that are looked through upwards.
const DEPTH_MAX: usize = 64;

/// One environment of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
}

impl Scope {
    /// The newest deployment.
    pub async fn newest(&self, api: &Api) -> Result<Deployment, Failure> {
        let found = api.deployments(Some((&self.project, &self.environment)), 1).await?.into_iter().next();
        found.ok_or_else(|| {
            Failure::failed(format!("nothing was deployed to `{}/{}` yet", self.project, self.environment))
                .hint(format!("shipway deploy {}", self.environment))
        })
    }
}

/// The directory at or above `dir` that holds `shipway.toml`.
pub fn project_dir(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().take(DEPTH_MAX).find(|dir| dir.join(FILE_NAME).is_file()).map(Path::to_owned)
}

/// The directory in which the command was called.
pub fn current_dir() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| Failure::of("cannot find the current directory", &error))
}

/// The names in a `shipway.toml`: all that is needed to look, halt and roll back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// The project.
    pub name: String,
    /// Its environments.
    pub environments: Vec<String>,
    default: Option<String>,
}

impl Project {
    fn of(config: &Config) -> Self {
        Self {
            name: config.project.clone(),
            environments: config.environments().map(str::to_owned).collect(),
            default: config.environment(None).ok().map(str::to_owned),
        }
    }

    /// The names in a file that has errors elsewhere.
    fn salvage(text: &str) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let name = table.get("project")?.as_str()?.to_owned();
        let environments: Vec<String> = match table.get("environments") {
            Some(environments) => environments.as_table()?.keys().cloned().collect(),
            None => vec!["production".to_owned()],
        };
        let default = table.get("default_environment").and_then(toml::Value::as_str).map(str::to_owned);
        let only = environments.first().filter(|_| environments.len() == 1).cloned();
        Some(Self { name, environments, default: default.or(only) })
    }

    fn environment(&self, named: Option<&str>) -> Result<String, Failure> {
        let known = || format!("known: {}", self.environments.join(", "));
        match named.or(self.default.as_deref()) {
            None => Err(Failure::usage("there are several environments and no default")
                .hint(format!("name one; {}, or set `default_environment` in {FILE_NAME}", known()))),
            // WHY: one that was taken out of the file may still run.
            Some(name) if named.is_some() || self.environments.iter().any(|known| known == name) => {
                Ok(name.to_owned())
            }
            Some(name) => Err(Failure::usage(format!("there is no environment `{name}`")).hint(known())),
        }
    }
}

/// The project around the current directory, if there is one. Errors of its file are no reason not to look at what
/// runs, or to stop it.
pub fn project() -> Result<Option<Project>, Failure> {
    let Some(dir) = project_dir(&current_dir()?) else { return Ok(None) };
    match Config::load(&dir) {
        Ok(config) => Ok(Some(Project::of(&config))),
        Err(errors) => {
            let text = std::fs::read_to_string(dir.join(FILE_NAME)).unwrap_or_default();
            Project::salvage(&text).map(Some).ok_or_else(|| errors.into())
        }
    }
}

/// An environment: `production` of the project around, or `org/name/production` from anywhere.
pub fn scope(named: Option<&str>) -> Result<Scope, Failure> {
    if let Some((project, environment)) = named.and_then(|named| named.rsplit_once('/')) {
        return Ok(Scope { project: project.to_owned(), environment: environment.to_owned() });
    }
    let Some(project) = project()? else {
        return Err(Failure::usage(format!("there is no {FILE_NAME} here or above"))
            .hint("go into the project, or name project and environment, such as `shop/production`"));
    };
    let environment = project.environment(named)?;
    Ok(Scope { project: project.name, environment })
}

/// A deployment: by its id, or the newest of an environment.
pub async fn deployment(api: &Api, named: Option<&str>) -> Result<Deployment, Failure> {
    match named {
        Some(name) if name.contains('/') => {
            let scope = scope(Some(name))?;
            known::named(api, named, &scope).await?;
            scope.newest(api).await
        }
        Some(name) => match project().ok().flatten() {
            Some(project) if project.environments.iter().any(|known| known == name) => {
                Scope { project: project.name, environment: name.to_owned() }.newest(api).await
            }
            around => by_id(api, around, name).await,
        },
        None if project_dir(&current_dir()?).is_some() => scope(None)?.newest(api).await,
        None => api
            .deployments(None, 1)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| Failure::failed("nothing was deployed yet").hint("shipway deploy")),
    }
}

/// A deployment by its id, or else the newest of an environment that the file does not name (any more).
async fn by_id(api: &Api, around: Option<Project>, name: &str) -> Result<Deployment, Failure> {
    match api.deployment(name).await {
        Err(Error::Problem(problem)) if problem.code == "not_found" => {}
        found => return Ok(found?),
    }
    let Some(project) = around else {
        return Err(Failure::usage(format!("there is no deployment `{name}`"))
            .hint("`shipway history --all` lists them; name an environment as `project/environment`"));
    };
    let scope = Scope { project: project.name.clone(), environment: name.to_owned() };
    known::deployment_or_scope(api, &project, &scope).await?;
    scope.newest(api).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_looked_for_upwards() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "").unwrap();
        assert_eq!(project_dir(&below).unwrap(), dir.path());
    }

    #[test]
    fn a_file_with_errors_still_has_names() {
        let project =
            Project::salvage("project = \"a/b\"\nx = 1\n[environments.production]\ny = 2\n").unwrap();
        assert_eq!(
            (project.name.as_str(), project.environment(None).unwrap().as_str()),
            ("a/b", "production")
        );
        let several = Project::salvage("project = \"a\"\n[environments.x]\n[environments.y]\n").unwrap();
        assert!(several.environment(None).is_err());
        assert_eq!(several.environment(Some("gone")).unwrap(), "gone");
        assert_eq!(Project::salvage("project = "), None);
    }

    #[test]
    fn an_environment_can_be_named_from_anywhere() {
        let named = |text| scope(Some(text)).unwrap();
        let scope =
            |project: &str| Scope { project: project.to_owned(), environment: "production".to_owned() };
        assert_eq!(named("shop/production"), scope("shop"));
        assert_eq!(named("acme/shop/production"), scope("acme/shop"));
    }
}
