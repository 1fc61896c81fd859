//! Whether an environment that was named is one: in the project's file, or in what the server knows. Changes nothing.

use std::collections::BTreeSet;

use shipway_control::config::nearest;

use crate::{
    api::{Api, PAGE_MAX},
    exit::Code,
    failure::Failure,
    target::{self, Project, Scope},
};

/// Refuses the name of an environment that neither the project around nor the server has heard of.
pub async fn environment(api: &Api, project: Option<&Project>, named: &str) -> Result<(), Failure> {
    match (named.rsplit_once('/'), project) {
        (Some((project, environment)), around) => {
            let scope = Scope { project: project.to_owned(), environment: environment.to_owned() };
            let around = around.filter(|around| around.name == scope.project);
            self::scope(api, around, &scope).await
        }
        (None, Some(around)) => {
            let scope = Scope { project: around.name.clone(), environment: named.to_owned() };
            self::scope(api, Some(around), &scope).await
        }
        (None, None) => {
            let known = names(api, None).await?;
            is_one_of(
                &format!("environment `{named}`"),
                named,
                known.into_iter().map(|(_, environment)| environment).collect(),
            )
        }
    }
}

/// Refuses an environment that was named and that neither the project around nor the server has heard of.
pub async fn named(api: &Api, named: Option<&str>, scope: &Scope) -> Result<(), Failure> {
    match named {
        Some(_) => self::scope(api, target::project().ok().flatten().as_ref(), scope).await,
        None => Ok(()),
    }
}

/// Refuses an environment that neither the project's file nor the server has heard of.
pub async fn scope(api: &Api, around: Option<&Project>, scope: &Scope) -> Result<(), Failure> {
    let in_file = around.filter(|around| around.name == scope.project);
    let in_file: BTreeSet<String> =
        in_file.into_iter().flat_map(|around| around.environments.clone()).collect();
    if in_file.contains(&scope.environment) || is_deployed_to(api, scope).await? {
        return Ok(());
    }
    let mut known = in_file;
    let elsewhere = names(api, Some(&scope.project)).await?;
    known.extend(elsewhere.into_iter().map(|(_, environment)| environment));
    is_one_of(&format!("environment `{}/{}`", scope.project, scope.environment), &scope.environment, known)
}

/// As [`scope`], for a name that is no deployment's either.
pub async fn deployment_or_scope(api: &Api, around: &Project, scope: &Scope) -> Result<(), Failure> {
    self::scope(api, Some(around), scope).await.map_err(|mut failure| {
        if let Some(first) = failure.complaints.first_mut().filter(|_| failure.code == Code::Usage) {
            first.message =
                format!("there is neither a deployment nor an environment `{}`", scope.environment);
        }
        failure
    })
}

/// Whether anything was ever deployed there.
async fn is_deployed_to(api: &Api, scope: &Scope) -> Result<bool, Failure> {
    Ok(!api.deployments(Some((&scope.project, &scope.environment)), 1).await?.is_empty())
}

/// Projects and environments of what runs and of what was deployed lately.
async fn names(api: &Api, project: Option<&str>) -> Result<BTreeSet<(String, String)>, Failure> {
    let services = api.services().await?.into_iter().map(|service| (service.project, service.environment));
    let deployments = api.deployments(None, PAGE_MAX).await?.into_iter();
    let deployments = deployments.map(|one| (one.release.project_name, one.release.config_name));
    Ok(services
        .chain(deployments)
        .filter(|(name, _)| project.is_none_or(|project| project == name))
        .collect())
}

fn is_one_of(what: &str, name: &str, known: BTreeSet<String>) -> Result<(), Failure> {
    if known.contains(name) {
        return Ok(());
    }
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "nothing was deployed yet; `shipway deploy` changes that".to_owned(),
        None => format!("known: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::usage(format!("there is no {what}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, known: &[&str]) -> Option<String> {
        let known = known.iter().map(|name| (*name).to_owned()).collect();
        is_one_of(name, name, known).err().and_then(|failure| failure.complaints.into_iter().next()?.hint)
    }

    #[test]
    fn a_name_that_is_not_known_has_a_hint() {
        assert_eq!(refused("production", &["production", "staging"]), None);
        assert_eq!(refused("prodction", &["production", "staging"]).unwrap(), "did you mean `production`?");
        assert_eq!(refused("x", &["production", "staging"]).unwrap(), "known: production, staging");
        assert!(refused("x", &[]).unwrap().contains("shipway deploy"));
    }
}
