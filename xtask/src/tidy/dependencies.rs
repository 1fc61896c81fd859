//! What the manifests may say: the direction of crates, a reason for each dependency, no AWS service crates.

use super::File;

/// Each crate and what it may use, top down: the same list as in ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    (
        "shipway",
        &[
            "shipway-server",
            "shipway-host",
            "shipway-aws",
            "shipway-control",
            "shipway-engine",
            "shipway-asl",
        ],
    ),
    ("server", &["shipway-control", "shipway-engine", "shipway-asl"]),
    ("host", &["shipway-control", "shipway-engine", "shipway-asl"]),
    ("aws", &["shipway-control", "shipway-engine", "shipway-asl"]),
    ("control", &["shipway-engine", "shipway-asl"]),
    ("engine", &["shipway-asl"]),
    ("asl", &[]),
];

/// A crate names only crates that stand below it, and every crate is in the list.
pub fn edges(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            findings.push(format!("{}: the crate is not in the list of crates", file.path));
            continue;
        };
        let used = file
            .text
            .lines()
            .filter(|line| line.starts_with("shipway-"))
            .filter_map(|line| line.split('.').next());
        findings.extend(
            used.filter(|used| !allowed.contains(used))
                .map(|used| format!("{}: `{name}` may not use `{used}`", file.path)),
        );
    }
    findings
}

/// Each dependency in the root manifest ends with a comment that says why.
pub fn reasons(files: &[File]) -> Vec<String> {
    let Some(manifest) = files.iter().find(|file| file.path == "Cargo.toml") else {
        return vec!["Cargo.toml is missing".to_owned()];
    };
    section(&manifest.text, "[workspace.dependencies]")
        .filter(|line| !line.starts_with("shipway-") && !line.contains(" # "))
        .map(|line| format!("Cargo.toml: `{line}` has no reason"))
        .collect()
}

fn section<'a>(text: &'a str, head: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .skip_while(move |line| *line != head)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.contains('=') && !line.starts_with('#'))
}

/// Small service crates that `aws-config` needs for credentials.
const CREDENTIALS: &[&str] = &["aws-sdk-sso\"", "aws-sdk-ssooidc\"", "aws-sdk-sts\""];

/// AWS's typed service crates cost gigabytes to compile; one model-driven client serves instead.
pub fn no_service_crates(files: &[File]) -> Vec<String> {
    let is_service = |line: &&str| {
        let name = line.strip_prefix("name = \"").filter(|name| name.starts_with("aws-sdk-"));
        name.is_some_and(|name| !CREDENTIALS.contains(&name))
    };
    files
        .iter()
        .filter(|file| file.path == "Cargo.lock")
        .flat_map(|file| file.text.lines().filter(is_service).map(|line| format!("Cargo.lock: {line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_upward_edge_is_found() {
        let manifest = file(
            "crates/asl/Cargo.toml",
            "[dependencies]\nserde.workspace = true\nshipway-engine.workspace = true\n",
        );
        assert_eq!(edges(&[manifest]), ["crates/asl/Cargo.toml: `asl` may not use `shipway-engine`"]);
        assert_eq!(edges(&[file("crates/shed/Cargo.toml", "")]).len(), 1);
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text = "[workspace.dependencies]\na = \"1\" # why\nb = \"2\"\n[profile.dev]\nc = 1\n";
        assert_eq!(reasons(&[file("Cargo.toml", text)]), ["Cargo.toml: `b = \"2\"` has no reason"]);
    }

    #[test]
    fn a_service_crate_is_found() {
        assert_eq!(no_service_crates(&[file("Cargo.lock", "name = \"aws-sdk-ec2\"\n")]).len(), 1);
    }
}
