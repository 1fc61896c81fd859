//! What the user means: the project around the current directory, an environment of it, a deployment.

use std::path::{Path, PathBuf};

use shipway_control::{
    app::Deployment,
    config::{Config, FILE_NAME},
};

use crate::{api::Api, failure::Failure};

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

/// The configuration of the project around the current directory, if there is one.
pub fn config() -> Result<Option<Config>, Failure> {
    match project_dir(&current_dir()?) {
        Some(dir) => Ok(Some(Config::load(&dir)?)),
        None => Ok(None),
    }
}

/// An environment: `production` of the project around, or `org/name/production` from anywhere.
pub fn scope(named: Option<&str>) -> Result<Scope, Failure> {
    if let Some((project, environment)) = named.and_then(|named| named.rsplit_once('/')) {
        return Ok(Scope { project: project.to_owned(), environment: environment.to_owned() });
    }
    let Some(config) = config()? else {
        return Err(Failure::usage(format!("there is no {FILE_NAME} here or above"))
            .hint("go into the project, or name project and environment, such as `shop/production`"));
    };
    let environment = config.environment(named)?.to_owned();
    Ok(Scope { project: config.project.clone(), environment })
}

/// A deployment: by its id, or the newest of an environment.
pub async fn deployment(api: &Api, named: Option<&str>) -> Result<Deployment, Failure> {
    match named {
        Some(name) if name.contains('/') => scope(Some(name))?.newest(api).await,
        Some(name) => match config().ok().flatten() {
            Some(config) if config.environments().any(|environment| environment == name) => {
                Scope { project: config.project.clone(), environment: name.to_owned() }.newest(api).await
            }
            _ => Ok(api.deployment(name).await?),
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
    fn an_environment_can_be_named_from_anywhere() {
        let named = |text| scope(Some(text)).unwrap();
        let scope =
            |project: &str| Scope { project: project.to_owned(), environment: "production".to_owned() };
        assert_eq!(named("shop/production"), scope("shop"));
        assert_eq!(named("acme/shop/production"), scope("acme/shop"));
    }
}
