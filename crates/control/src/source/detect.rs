//! Guesses what a directory holds, for `shipway init`. A guess is told with its reason, and the person decides.

use std::{collections::BTreeMap, fs, path::Path};

use toml::{Table, Value};

use super::{repo, repo::Repo};
use crate::{
    config::{Build, procfile},
    name::check_segment,
};

/// The port that the first service gets.
const PORT: u16 = 8080;

/// Where Python packages are put for the artifact: unlike a virtual environment such a directory can be moved.
const PYTHON_PACKAGES: &str = "python_packages";

/// Largest file that is looked into.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The project's name, from the remote or the directory.
    pub project: String,
    /// What kind of project it is.
    pub kind: Kind,
    /// What it runs; empty for `Kind::Unknown`.
    pub services: Vec<DetectedService>,
    /// How it is built, if it must be.
    pub build: Option<Build>,
    /// Why all this, one sentence each.
    pub reasons: Vec<String>,
}

/// What a directory was recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has a Procfile.
    Procfile,
    /// A Rust program.
    Cargo,
    /// A Node program.
    Node,
    /// A Python program.
    Python,
    /// None of these.
    Unknown,
}

/// A service that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetectedService {
    /// Its name.
    pub name: String,
    /// What starts it; empty if it is a Procfile line.
    pub command: String,
    /// The line of the Procfile.
    pub procfile: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Variables it needs.
    pub env: BTreeMap<String, String>,
}

/// Services, build and reasons of one kind.
struct Guess {
    services: Vec<DetectedService>,
    build: Option<Build>,
    reason: String,
}

/// What is known of one kind: none if nothing of it is there; a reason if what is there cannot run.
type Found = Option<Result<Guess, String>>;

/// Looks at a directory.
pub fn detect(dir: &Path) -> Detected {
    let (project, project_reason) = project(dir);
    let mut reasons = vec![project_reason];
    let lines = sort(from_procfile(dir), &mut reasons);
    let program = [(Kind::Cargo, cargo(dir)), (Kind::Node, node(dir)), (Kind::Python, python(dir))]
        .into_iter()
        .find_map(|(kind, found)| sort(found, &mut reasons).map(|guess| (kind, guess)));
    let (kind, services, build) = match (lines, program) {
        (Some(lines), Some((_, program))) => {
            (Kind::Procfile, lines.services, program.build.map(with_procfile))
        }
        (Some(lines), None) => (Kind::Procfile, lines.services, None),
        (None, Some((kind, guess))) => (kind, guess.services, guess.build),
        (None, None) => (Kind::Unknown, Vec::new(), None),
    };
    if reasons.len() == 1 {
        reasons.push("no Procfile, Cargo.toml, package.json or Python program was found".to_owned());
    }
    Detected { project, kind, services, build, reasons }
}

/// Keeps why it is, or why it cannot be.
fn sort(found: Found, reasons: &mut Vec<String>) -> Option<Guess> {
    match found? {
        Ok(guess) => {
            reasons.push(guess.reason.clone());
            Some(guess)
        }
        Err(reason) => {
            reasons.push(reason);
            None
        }
    }
}

fn with_procfile(mut build: Build) -> Build {
    if !build.paths.iter().any(|path| path == "*") {
        build.paths.push("Procfile".to_owned());
    }
    build
}

/// A file's text: none if there is none, and why it cannot be read.
fn text_of(dir: &Path, name: &str) -> Option<Result<String, String>> {
    let path = dir.join(name);
    let metadata = fs::metadata(&path).ok()?;
    if !metadata.is_file() {
        return None;
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Some(Err(format!("{name} is larger than {FILE_BYTES_MAX} bytes and was not looked into")));
    }
    Some(fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}")))
}

fn read(dir: &Path, name: &str) -> Option<String> {
    text_of(dir, name)?.ok()
}

fn has(dir: &Path, name: &str) -> bool {
    dir.join(name).is_file()
}

/// The nearest text that is a name.
fn to_name(text: &str) -> Option<String> {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let short: String = plain.trim_matches('-').chars().take(40).collect();
    check_segment(&short).is_ok().then_some(short)
}

fn project(dir: &Path) -> (String, String) {
    let origin = Repo::open(dir).ok().and_then(|repo| repo.origin()).and_then(|url| project_of_url(&url));
    if let Some(name) = origin {
        let reason = format!("the project is named `{name}` after the remote `origin`");
        return (name, reason);
    }
    let name = repo::directory_name(dir).and_then(|name| to_name(&name)).unwrap_or_else(|| "app".to_owned());
    let reason = format!("the project is named `{name}` after its directory");
    (name, reason)
}

/// `org/name` out of a remote's address; none for a path on this machine.
fn project_of_url(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':').filter(|(host, _)| !host.contains('/')).map(|(_, path)| path)?,
    };
    let path = path.trim_end_matches('/').trim_end_matches(".git");
    let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
    let name = to_name(segments.next()?)?;
    match segments.next().and_then(to_name) {
        Some(org) => Some(format!("{org}/{name}")),
        None => Some(name),
    }
}

fn from_procfile(dir: &Path) -> Found {
    text_of(dir, "Procfile").map(|text| of_lines(&procfile(&text?)))
}

fn of_lines(lines: &[(String, String)]) -> Result<Guess, String> {
    let services: Vec<DetectedService> = lines
        .iter()
        .filter(|(line, _)| line != "release")
        .filter_map(|(line, _)| {
            let port = (line == "web").then_some(PORT);
            Some(DetectedService {
                name: to_name(line)?,
                procfile: Some(line.clone()),
                port,
                ..Default::default()
            })
        })
        .collect();
    let reason = match services.len() {
        0 if lines.is_empty() => {
            return Err("the Procfile has no line of the form `web: command`".to_owned());
        }
        0 => return Err("the Procfile has no line that is a service; `release` is none".to_owned()),
        1 => "the Procfile has 1 service; `web` gets the port".to_owned(),
        count => format!("the Procfile has {count} services; `web` gets the port"),
    };
    Ok(Guess { services, build: None, reason })
}

fn web(command: impl Into<String>) -> DetectedService {
    DetectedService {
        name: "web".to_owned(),
        command: command.into(),
        port: Some(PORT),
        ..Default::default()
    }
}

fn cargo(dir: &Path) -> Found {
    text_of(dir, "Cargo.toml").map(|text| {
        let manifest = text?.parse::<Table>();
        of_manifest(dir, &manifest.map_err(|error| format!("Cargo.toml is not TOML: {}", error.message()))?)
    })
}

fn of_manifest(dir: &Path, manifest: &Table) -> Result<Guess, String> {
    let mut programs = cargo_programs(dir, manifest);
    for member in cargo_members(dir, manifest) {
        let directory = dir.join(member);
        let manifest = read(&directory, "Cargo.toml").and_then(|text| text.parse::<Table>().ok());
        programs.extend(manifest.map(|manifest| cargo_programs(&directory, &manifest)).unwrap_or_default());
    }
    programs.sort();
    programs.dedup();
    let server =
        ["web", "server", "api"].into_iter().find_map(|name| programs.iter().position(|p| p == name));
    let services: Vec<DetectedService> = programs
        .iter()
        .enumerate()
        .filter_map(|(at, program)| {
            let command = format!("target/release/{program}");
            let name = if programs.len() == 1 { "web".to_owned() } else { to_name(program)? };
            let port = (at == server.unwrap_or(0)).then_some(PORT);
            Some(DetectedService { name, command, port, ..Default::default() })
        })
        .collect();
    let locked = if has(dir, "Cargo.lock") { " --locked" } else { "" };
    let paths = programs.iter().map(|program| format!("target/release/{program}")).collect();
    let build = Build { command: Some(format!("cargo build --release{locked}")), paths };
    if services.is_empty() {
        let what =
            "builds no program: there is no src/main.rs, no src/bin and no [[bin]]; a library cannot be run";
        return Err(format!("Cargo.toml {what}"));
    }
    let reason = format!("Cargo.toml builds {}", programs.join(", "));
    Ok(Guess { services, build: Some(build), reason })
}

fn cargo_programs(dir: &Path, manifest: &Table) -> Vec<String> {
    let text = |table: &Table, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(package) = manifest.get("package").and_then(Value::as_table) else { return Vec::new() };
    let listed = manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
    let mut programs: Vec<String> =
        listed.filter_map(Value::as_table).filter_map(|bin| text(bin, "name")).collect();
    if programs.is_empty() && has(dir, "src/main.rs") {
        programs.extend(text(package, "name"));
    }
    for entry in fs::read_dir(dir.join("src/bin")).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_program =
            path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file();
        if is_program && let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            programs.push(name.to_owned());
        }
    }
    programs
}

/// Directories of a workspace's members; `*` only as the last part.
fn cargo_members(dir: &Path, manifest: &Table) -> Vec<String> {
    let workspace = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = workspace.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    members
        .flat_map(|member| match member.strip_suffix("/*") {
            None => vec![member.to_owned()],
            Some(parent) => fs::read_dir(dir.join(parent))
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.file_name().to_str().map(|name| format!("{parent}/{name}")))
                .collect(),
        })
        .collect()
}

fn node(dir: &Path) -> Found {
    text_of(dir, "package.json").map(|text| {
        let package = serde_json::from_str(&text?);
        of_package(dir, &package.map_err(|error| format!("package.json is not JSON: {error}"))?)
    })
}

fn of_package(dir: &Path, package: &serde_json::Value) -> Result<Guess, String> {
    let script = |name: &str| package.get("scripts").and_then(|scripts| scripts.get(name)).is_some();
    let command = match package.get("main").and_then(serde_json::Value::as_str) {
        _ if script("start") => "npm start".to_owned(),
        Some(main) if has(dir, main) => format!("node {main}"),
        _ => ["server.js", "index.js", "app.js"]
            .into_iter()
            .find(|file| has(dir, file))
            .map(|file| format!("node {file}"))
            .ok_or(
                "package.json has no script `start`, and there is no server.js, index.js or app.js to run",
            )?,
    };
    let install = if has(dir, "package-lock.json") { "npm ci" } else { "npm install --no-audit --no-fund" };
    let build = if script("build") { format!("{install} && npm run build") } else { install.to_owned() };
    let reason = format!("package.json is started by `{command}`");
    Ok(Guess {
        services: vec![web(command)],
        build: Some(Build { command: Some(build), paths: vec!["*".to_owned()] }),
        reason,
    })
}

fn python(dir: &Path) -> Found {
    let requirements = read(dir, "requirements.txt");
    let pyproject = read(dir, "pyproject.toml");
    let needs = |package: &str| {
        [&requirements, &pyproject].into_iter().flatten().any(|text| text.to_lowercase().contains(package))
    };
    let Some(command) = python_command(dir, &needs, pyproject.as_deref()) else {
        let found = if requirements.is_some() { "requirements.txt" } else { "pyproject.toml" };
        let is_there = requirements.is_some() || pyproject.is_some();
        let reason =
            format!("{found} is there, but no main.py, app.py, wsgi.py, asgi.py or manage.py to run");
        return is_there.then_some(Err(reason));
    };
    let source = if requirements.is_some() { "-r requirements.txt" } else { "." };
    let is_installed = requirements.is_some() || pyproject.is_some();
    let mut service = web(command.clone());
    if is_installed {
        service.env.insert("PYTHONPATH".to_owned(), PYTHON_PACKAGES.to_owned());
    }
    let build = is_installed.then(|| Build {
        command: Some(format!(
            "python3 -m pip install --quiet --upgrade --target {PYTHON_PACKAGES} {source}"
        )),
        paths: vec!["*".to_owned()],
    });
    let reason = format!("the Python program is started by `{command}`");
    Some(Ok(Guess { services: vec![service], build, reason }))
}

fn python_command(dir: &Path, needs: &dyn Fn(&str) -> bool, pyproject: Option<&str>) -> Option<String> {
    let main = ["main.py", "app.py", "wsgi.py", "asgi.py"].into_iter().find(|file| has(dir, file));
    let module = main.and_then(|file| file.strip_suffix(".py"));
    if has(dir, "manage.py") {
        return Some(match django_package(dir).filter(|_| needs("gunicorn")) {
            Some(package) => format!("python3 -m gunicorn {package}.wsgi --bind 127.0.0.1:$PORT"),
            None => "python3 manage.py runserver --noreload 127.0.0.1:$PORT".to_owned(),
        });
    }
    let object = |module: &str| if module.ends_with("sgi") { "application" } else { "app" };
    match (module, main) {
        (Some(module), _) if needs("uvicorn") => {
            Some(format!("python3 -m uvicorn {module}:{} --host 127.0.0.1 --port $PORT", object(module)))
        }
        (Some(module), _) if needs("gunicorn") => {
            Some(format!("python3 -m gunicorn {module}:{} --bind 127.0.0.1:$PORT", object(module)))
        }
        (_, Some(file)) => Some(format!("python3 {file}")),
        (_, None) => {
            let manifest: Table = pyproject?.parse().ok()?;
            let name =
                manifest.get("project").and_then(|project| project.get("name")).and_then(Value::as_str)?;
            Some(format!("python3 -m {}", to_name(name)?.replace('-', "_")))
        }
    }
}

/// The package beside manage.py that has the `wsgi.py`.
fn django_package(dir: &Path) -> Option<String> {
    let mut packages: Vec<String> = fs::read_dir(dir)
        .ok()?
        .flatten()
        .filter(|entry| entry.path().join("wsgi.py").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    packages.sort();
    packages.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_names_the_project() {
        for (url, name) in [
            ("git@github.com:Acme/Shop.git", Some("acme/shop")),
            ("https://user:pw@gitlab.com/acme/team/shop_2.git/", Some("team/shop-2")),
            ("ssh://git@host:22/shop.git", Some("shop")),
            ("/srv/git/shop.git", None),
            ("../shop", None),
            ("file:///srv/shop.git", None),
        ] {
            assert_eq!(project_of_url(url).as_deref(), name, "{url}");
        }
    }
}
