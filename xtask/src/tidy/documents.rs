//! What documents name must exist: links, paths, tests, commands.

use std::collections::BTreeSet;

use super::File;

fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".md") && file.path != "CHANGELOG.md")
}

/// Texts between single backticks, outside fenced blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let mut is_fenced = false;
    let mut spans = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

/// Targets of `[text](target)` links.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// Relative links resolve, and paths in backticks that begin with a folder of ours exist.
pub fn paths(files: &[File]) -> Vec<String> {
    let known = known_paths(files);
    let mut findings = Vec::new();
    for file in documents(files) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in
            links(&file.text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'))
        {
            let target = resolve(folder, link.split('#').next().unwrap_or(link));
            if !known.contains(&target) {
                findings.push(format!("{}: link `{link}` leads nowhere", file.path));
            }
        }
        for span in code_spans(&file.text) {
            let path = span.split("::").next().unwrap_or(span);
            let is_ours = ["crates/", "docs/", "xtask/"].iter().any(|folder| path.starts_with(folder));
            if is_ours && !path.contains(['<', '*', ' ', '{']) && !known.contains(path.trim_end_matches('/'))
            {
                findings.push(format!("{}: `{path}` does not exist", file.path));
            }
        }
    }
    findings
}

fn known_paths(files: &[File]) -> BTreeSet<String> {
    let mut known = BTreeSet::from([String::new()]);
    for file in files {
        let mut path = file.path.as_str();
        known.insert(path.to_owned());
        while let Some((folder, _)) = path.rsplit_once('/') {
            known.insert(folder.to_owned());
            path = folder;
        }
    }
    known
}

fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A test named as `path/file.rs::name` in backticks is a function of that file.
pub fn tests(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for document in documents(files) {
        for span in code_spans(&document.text) {
            let Some((path, name)) = span.split_once(".rs::") else { continue };
            let path = format!("{path}.rs");
            let is_there =
                files.iter().any(|file| file.path == path && file.text.contains(&format!("fn {name}(")));
            if !is_there {
                findings.push(format!("{}: `{span}` does not exist", document.path));
            }
        }
    }
    findings
}

/// `shipway <command>` in backticks is a command that docs/cli.md (generated from the help) lists.
pub fn commands(files: &[File]) -> Vec<String> {
    let Some(reference) = files.iter().find(|file| file.path == "docs/cli.md") else {
        return vec!["docs/cli.md is missing".to_owned()];
    };
    let mut findings = Vec::new();
    for file in documents(files) {
        for span in code_spans(&file.text) {
            let Some(command) = span.strip_prefix("shipway ").and_then(|rest| rest.split(' ').next()) else {
                continue;
            };
            let is_word = !command.is_empty() && command.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            if is_word && !command.starts_with('-') && !reference.text.contains(&format!("shipway {command}"))
            {
                findings.push(format!("{}: there is no command `shipway {command}`", file.path));
            }
        }
    }
    findings
}

#[cfg(test)]
mod unit {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let files = [
            file(
                "docs/a.md",
                "[b](b.md) [up](../README.md#x) [gone](gone.md) `crates/nope/x.rs` [web](https://x.y)",
            ),
            file("docs/b.md", ""),
            file("README.md", ""),
        ];
        assert_eq!(paths(&files).len(), 2);
    }

    #[test]
    fn a_test_that_is_gone_is_found() {
        let files = [
            file("crates/a/t.rs", "fn holds() {}"),
            file("a.md", "`crates/a/t.rs::holds` `crates/a/t.rs::gone`"),
        ];
        assert_eq!(tests(&files), ["a.md: `crates/a/t.rs::gone` does not exist"]);
    }

    #[test]
    fn a_command_that_is_gone_is_found() {
        let files = [
            file("docs/cli.md", "shipway deploy"),
            file("a.md", "`shipway deploy production` `shipway fly`"),
        ];
        assert_eq!(commands(&files), ["a.md: there is no command `shipway fly`"]);
    }
}
