//! `shipway.toml`: what a project runs, where, and how it gets there. Reads two files at most, the other is the Procfile.

mod check;
mod document;
mod file;
mod nearest;
mod procfile;
mod resolve;
mod schema;
mod validate;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

pub use self::{
    check::{Problem, check_release, problems},
    file::{
        Build, File, FileEnvironment, FileGate, FileHealth, FileRelease, FileService, FileShift, HealthTable,
    },
    nearest::nearest,
    procfile::procfile,
    resolve::{CANARY, DEFAULT_TIMEOUT},
    schema::{SCHEMA_ID, schema},
};
use self::{
    document::{Document, Places, list, merge},
    resolve::Source,
};
use crate::{Millis, release::Service, version::Rules};

/// Name of the file.
pub const FILE_NAME: &str = "shipway.toml";

/// The environment that is there when the file names none.
const ONLY_ENVIRONMENT: &str = "production";

/// Largest file that is read.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// What is wrong in `shipway.toml`, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {}{reason}", .file.display(), subject(.key))]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, such as `services.web.port`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

fn subject(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// A `shipway.toml` without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The project's name.
    pub project: String,
    /// How the artifact is made.
    pub build: Build,
    /// How commits become versions.
    pub rules: Rules,
    path: PathBuf,
    default_environment: Option<String>,
    file: File,
    places: Places,
}

impl Config {
    /// Reads the text of the file `path`, or tells all that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<ConfigError>> {
        if text.len() > FILE_BYTES_MAX {
            return Err(vec![whole_file(path, format!("larger than {FILE_BYTES_MAX} bytes"), None)]);
        }
        let document = Document::parse(path, text)?;
        let (file, told) = document.read::<File>(&schema());
        let Some(mut file) = file else { return Err(merge(told, Vec::new())) };
        if file.environments.is_empty() {
            file.environments.insert(ONLY_ENVIRONMENT.to_owned(), FileEnvironment::default());
        }
        let config = Self {
            project: file.project.clone().unwrap_or_default(),
            build: file.build.clone(),
            rules: rules(&file.release),
            path: path.to_owned(),
            default_environment: default_environment(&file),
            file,
            places: document.places(),
        };
        let errors = merge(told, config.errors());
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    /// Reads `shipway.toml` of a directory.
    pub fn load(dir: &Path) -> Result<Self, Vec<ConfigError>> {
        let path = dir.join(FILE_NAME);
        let text = fs::read_to_string(&path).map_err(|error| {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            let reason = if is_missing { "there is no such file".to_owned() } else { error.to_string() };
            vec![whole_file(&path, reason, is_missing.then(|| "shipway init writes one".to_owned()))]
        })?;
        Self::parse(&text, &path)
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the environments.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.file.environments.keys().map(String::as_str)
    }

    /// The environment that is meant: the named one, else the default, else the only one.
    pub fn environment<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, ConfigError> {
        match named.or(self.default_environment.as_deref()) {
            Some(name) => self.known_environment(name).map(|_| name),
            None => Err(self.error(
                "default_environment",
                "there are several environments and no default",
                Some(format!("name one of {}, or set `default_environment`", self.environment_list())),
            )),
        }
    }

    /// How long a deployment to the environment may take.
    pub fn timeout(&self, environment: &str) -> Result<Millis, ConfigError> {
        self.known_environment(environment).map(|found| found.timeout.unwrap_or(DEFAULT_TIMEOUT))
    }

    /// What runs in an environment, with commands out of the Procfile beside `shipway.toml`.
    pub fn release_services(&self, environment: &str) -> Result<BTreeMap<String, Service>, ConfigError> {
        let path = self.path.with_file_name("Procfile");
        let text = if self.needs_procfile(environment)? { fs::read_to_string(path).ok() } else { None };
        self.release_services_with(environment, text.as_deref())
    }

    /// Whether a service of the environment takes its command from the Procfile.
    pub fn needs_procfile(&self, environment: &str) -> Result<bool, ConfigError> {
        let services = resolve::services(&self.file, self.known_environment(environment)?);
        Ok(services.values().any(|(_, source)| matches!(source, Source::Procfile(_))))
    }

    /// The same with the text of a Procfile, such as that of the commit.
    pub fn release_services_with(
        &self,
        environment: &str,
        procfile_text: Option<&str>,
    ) -> Result<BTreeMap<String, Service>, ConfigError> {
        let lines = procfile_text.map(procfile);
        let services = resolve::services(&self.file, self.known_environment(environment)?);
        services
            .into_iter()
            .map(|(name, (mut service, source))| {
                if let Source::Procfile(line) = source {
                    service.command = self.procfile_line(environment, &name, &line, lines.as_deref())?;
                }
                Ok((name, service))
            })
            .collect()
    }

    fn procfile_line(
        &self,
        environment: &str,
        service: &str,
        line: &str,
        lines: Option<&[(String, String)]>,
    ) -> Result<String, ConfigError> {
        let key = self.key_in(environment, &format!("services.{service}.procfile"));
        let Some(lines) = lines else {
            let hint = "add the Procfile, or write `command` instead".to_owned();
            return Err(self.error(&key, "there is no file `Procfile` beside shipway.toml", Some(hint)));
        };
        let found = lines.iter().find(|(name, _)| name == line).map(|(_, command)| command.clone());
        found.ok_or_else(|| {
            let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
            self.error(
                &key,
                format!("the Procfile has no line `{line}`"),
                Some(format!("it has {}", list(&names))),
            )
        })
    }

    fn known_environment(&self, name: &str) -> Result<&FileEnvironment, ConfigError> {
        self.file.environments.get(name).ok_or_else(|| {
            let hint = match nearest(name, self.environments()) {
                Some(meant) => format!("did you mean `{meant}`? known: {}", self.environment_list()),
                None => format!("known: {}", self.environment_list()),
            };
            self.error("environments", format!("there is no environment `{name}`"), Some(hint))
        })
    }

    fn environment_list(&self) -> String {
        list(&self.environments().collect::<Vec<_>>())
    }

    fn error(&self, key: &str, reason: impl Into<String>, hint: Option<String>) -> ConfigError {
        let (line, column) = self.places.find(key);
        let (file, key) = (self.path.clone(), key.to_owned());
        ConfigError { file, line, column, key, reason: reason.into(), hint }
    }

    /// The key with which the file says a field of the environment's release: that of the environment before that
    /// of all, and the nearest one around it if the field itself is not written, as in `health = "/x"`.
    fn key_in(&self, environment: &str, field: &str) -> String {
        let field = field.replace(".steps[", "[");
        let outer = std::iter::successors(Some(field.as_str()), |key| {
            key.rfind(['.', '[']).and_then(|end| key.get(..end))
        });
        let keys = outer.flat_map(|key| {
            let in_service = key.strip_prefix("services.").and_then(|rest| rest.split_once('.'));
            let default = in_service.map(|(_, rest)| format!("environments.{environment}.{rest}"));
            [Some(format!("environments.{environment}.{key}")), Some(key.to_owned()), default]
                .into_iter()
                .flatten()
        });
        let said = keys.into_iter().find(|key| self.places.has(key));
        said.unwrap_or_else(|| field.clone())
    }
}

fn whole_file(path: &Path, reason: String, hint: Option<String>) -> ConfigError {
    ConfigError { file: path.to_owned(), line: 1, column: 1, key: String::new(), reason, hint }
}

fn default_environment(file: &File) -> Option<String> {
    let only = || file.environments.keys().next().filter(|_| file.environments.len() == 1);
    file.default_environment.as_ref().or_else(only).cloned()
}

fn rules(file: &FileRelease) -> Rules {
    let default = Rules::default();
    let mut types = default.types;
    types.extend(file.types.clone());
    Rules {
        tag_prefix: file.tag_prefix.clone().unwrap_or(default.tag_prefix),
        zero: file.zero.unwrap_or_default(),
        types,
        default_bump: file.default_bump.unwrap_or(default.default_bump),
    }
}
