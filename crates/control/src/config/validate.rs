//! What is wrong with the values of a `shipway.toml` that has the right form. Reads no file.

use std::collections::BTreeMap;

use super::{
    Config, ConfigError, DEFAULT_TIMEOUT, FileEnvironment,
    check::{Problems, check_services, check_timeout},
    document::list,
    nearest::nearest,
    resolve::{self, Source},
};
use crate::{
    name::{check_project, check_segment},
    version::TYPES,
};

impl Config {
    /// Everything that is wrong with the values.
    pub(super) fn errors(&self) -> Vec<ConfigError> {
        let mut problems = Problems::new();
        self.check_names(&mut problems);
        self.check_build(&mut problems);
        self.check_release_table(&mut problems);
        self.check_sources(&mut problems);
        let mut errors: Vec<ConfigError> =
            problems.found.into_iter().map(|p| self.error(&p.field, p.reason, p.hint)).collect();
        errors.extend(self.environment_errors());
        errors.sort_by_key(|error| (error.line, error.column));
        errors
    }

    /// What is wrong in the environments; what is said for all but wrong in some only tells in which.
    fn environment_errors(&self) -> Vec<ConfigError> {
        let environments = &self.file.environments;
        let found = environments.iter().flat_map(|(name, environment)| {
            self.check_environment(name, environment).into_iter().map(move |error| (name.as_str(), error))
        });
        let mut by_error: BTreeMap<(String, String), (ConfigError, Vec<&str>)> = BTreeMap::new();
        for (name, error) in found {
            let key = (error.key.clone(), error.reason.clone());
            by_error.entry(key).or_insert_with(|| (error, Vec::new())).1.push(name);
        }
        let told = by_error.into_values().map(|(mut error, names)| {
            if names.len() < environments.len() && !error.key.starts_with("environments.") {
                error.reason = format!("{} (in {})", error.reason, list(&names));
            }
            error
        });
        told.collect()
    }

    fn check_names(&self, problems: &mut Problems) {
        match &self.file.project {
            None => problems.add(
                "project",
                "the project has no name",
                "add `project = \"org/name\"` as the first line",
            ),
            Some(name) => {
                if let Err(error) = check_project(name) {
                    problems.add("project", error.to_string(), "`name` or `org/name`");
                }
            }
        }
        for name in self.file.environments.keys() {
            if let Err(error) = check_segment(name) {
                problems.add(format!("environments.{name}"), error.to_string(), "");
            }
        }
        let default = self.file.default_environment.as_deref();
        if let Some(name) = default.filter(|name| !self.file.environments.contains_key(*name)) {
            let known = self.environment_list();
            problems.add(
                "default_environment",
                format!("there is no environment `{name}`"),
                &format!("known: {known}"),
            );
        }
    }

    fn check_build(&self, problems: &mut Problems) {
        let build = &self.file.build;
        if build.command.as_deref().is_some_and(|command| command.trim().is_empty()) {
            problems.add("build.command", "the command is empty", "leave it out if nothing is built");
        }
        if build.command.is_some() && build.paths.is_empty() {
            let hint = "name what goes into the artifact: `paths = [\"target/release/web\"]`";
            problems.add("build.paths", "a build without paths leaves out what it makes", hint);
        }
        for (at, path) in build.paths.iter().enumerate() {
            let is_inside =
                !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..");
            if !is_inside {
                let reason = format!("`{path}` is not a path inside the project");
                problems.add(format!("build.paths[{at}]"), reason, "relative to shipway.toml, without `..`");
            }
        }
    }

    fn check_release_table(&self, problems: &mut Problems) {
        let release = &self.file.release;
        let prefix = release.tag_prefix.as_deref().unwrap_or_default();
        let is_prefix = prefix.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c));
        if !is_prefix || prefix.starts_with(['-', '/', '.']) || prefix.contains("..") || prefix.contains("//")
        {
            problems.add(
                "release.tag_prefix",
                format!("`{prefix}` cannot begin a tag's name"),
                "such as `v` or `web/v`",
            );
        }
        for kind in release.types.keys() {
            let is_kind = !kind.is_empty()
                && !kind.chars().any(|c| c.is_whitespace() || c.is_uppercase() || "():!".contains(c));
            if !is_kind {
                let key = format!("release.types.{kind}");
                let hint = format!("lower case, without blanks, such as {}", list(TYPES));
                problems.add(key, format!("`{kind}` is not a type of commit"), &hint);
            }
        }
    }

    fn check_environment(&self, name: &str, environment: &FileEnvironment) -> Vec<ConfigError> {
        let mut problems = Problems::new();
        let timeout = environment.timeout.unwrap_or(DEFAULT_TIMEOUT);
        check_timeout("timeout", timeout, &mut problems);
        let mut services = BTreeMap::new();
        for (service_name, (mut service, source)) in resolve::services(&self.file, environment) {
            if source == Source::Missing {
                self.missing_command(&service_name, &mut problems);
            }
            if source != Source::Command {
                // WHY: the Procfile is not read here, and what is missing was told; the other rules still count.
                "known later".clone_into(&mut service.command);
            }
            services.insert(service_name, service);
        }
        check_services(&services, timeout, &mut problems);
        let located =
            problems.found.into_iter().map(|p| self.error(&self.key_in(name, &p.field), p.reason, p.hint));
        located.collect()
    }

    fn missing_command(&self, name: &str, problems: &mut Problems) {
        let known = self.file.services.keys().map(String::as_str).filter(|known| *known != name);
        let hint = match nearest(name, known).filter(|_| !self.file.services.contains_key(name)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "such as `command = \"bin/web\"`, or `procfile = \"web\"`".to_owned(),
        };
        problems.add(format!("services.{name}"), "there is no command", &hint);
    }

    fn check_sources(&self, problems: &mut Problems) {
        let there = self.file.environments.iter().flat_map(|(name, environment)| {
            environment
                .services
                .iter()
                .map(move |(service, file)| (format!("environments.{name}.services.{service}"), file))
        });
        let own = self.file.services.iter().map(|(service, file)| (format!("services.{service}"), file));
        for (key, file) in own.chain(there) {
            if file.command.is_some() && file.procfile.is_some() {
                problems.add(format!("{key}.procfile"), "there is a `command` too", "keep one of the two");
            }
        }
    }
}
