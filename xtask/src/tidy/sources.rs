//! What source files owe the reader: a head, a place in the module tree, one idea, and no IO where none may be.

use std::collections::BTreeSet;

use super::File;

/// Lines that a source file may have before it has to be split; tests may be longer.
const LINES_MAX: usize = 650;

/// Who may do what: text that must not appear, where it may, and why.
const INVARIANTS: &[(&str, &[&str], &str)] = &[
    ("SystemTime::now", &["crates/engine/src/clock.rs"], "only the engine's clock reads time"),
    ("UNIX_EPOCH", &["crates/engine/src/clock.rs"], "only the engine's clock reads time"),
    (
        "env::var",
        ENVIRONMENT,
        "only the binary reads the environment, and the host what its processes inherit",
    ),
    (
        "getrandom::",
        &["crates/engine/src/clock.rs", "crates/host/", "crates/server/src/session.rs", "crates/shipway/"],
        "the language and the rules draw no randomness",
    ),
    ("axum::", &["crates/server/"], "only the server knows HTTP routes"),
    ("rusqlite::", &["crates/engine/src/store/"], "only the store knows SQL"),
];

const ENVIRONMENT: &[&str] = &["crates/shipway/", "crates/host/src/command.rs", "fuzz/"];

fn is_source(file: &File) -> bool {
    file.path.ends_with(".rs")
}

fn is_test(file: &File) -> bool {
    file.path.contains("/tests/")
        || file.path.ends_with("/tests.rs")
        || file.path.contains("/examples/")
        || file.path.ends_with("-fixture.rs")
}

/// Every source file opens with `//!`.
pub fn heads(files: &[File]) -> Vec<String> {
    let is_headless = |file: &&File| is_source(file) && !file.text.starts_with("//!");
    files.iter().filter(is_headless).map(|file| format!("{}: does not open with `//!`", file.path)).collect()
}

/// Source files stay within [`LINES_MAX`].
pub fn sizes(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| is_source(file) && !is_test(file))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| format!("{}: {lines} lines, {LINES_MAX} at most", file.path))
        .collect()
}

/// The lines of [`INVARIANTS`] hold outside tests.
pub fn invariants(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in
        files.iter().filter(|file| is_source(file) && !is_test(file) && !file.path.starts_with("xtask/"))
    {
        let product = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        for (text, allowed, why) in INVARIANTS {
            let is_allowed = allowed.iter().any(|place| file.path.starts_with(place));
            if !is_allowed && product.contains(text) {
                findings.push(format!("{}: `{text}`: {why}", file.path));
            }
        }
    }
    findings
}

/// Every source file is a crate root, an example, a binary, or is named by a `mod`.
pub fn dead_files(files: &[File]) -> Vec<String> {
    let sources: Vec<&File> = files.iter().filter(|file| is_source(file)).collect();
    let declared: BTreeSet<String> = sources.iter().flat_map(|file| declares(file)).collect();
    sources
        .iter()
        .filter(|file| !is_root(&file.path) && !declared.contains(&file.path))
        .map(|file| format!("{}: no `mod` names it", file.path))
        .collect()
}

fn is_root(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let roots = ["/src/lib.rs", "/src/main.rs", "/tests/it/main.rs", "/build.rs"];
    roots.iter().any(|root| path.ends_with(root))
        || ["/examples/", "/benches/", "/src/bin/"].iter().any(|place| path.contains(place))
            && name.ends_with(".rs")
}

/// Paths that a file's `mod name;` lines stand for.
fn declares(file: &File) -> Vec<String> {
    let (directory, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let own = if matches!(name, "mod.rs" | "lib.rs" | "main.rs") || is_root(&file.path) {
        directory.to_owned()
    } else {
        format!("{directory}/{}", name.trim_end_matches(".rs"))
    };
    let mut paths = Vec::new();
    let mut attribute_path = None;
    for line in file.text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            attribute_path = Some(path.to_owned());
        }
        let Some(module) = module_name(line) else { continue };
        match attribute_path.take() {
            Some(path) => paths.push(format!("{directory}/{path}")),
            None => paths.extend([format!("{own}/{module}.rs"), format!("{own}/{module}/mod.rs")]),
        }
    }
    paths
}

fn module_name(line: &str) -> Option<&str> {
    let line = line.strip_suffix(';')?;
    let name =
        line.rsplit_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"))?.1;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_forgotten_file_is_found() {
        let files = [
            file("crates/a/src/lib.rs", "//! A.\npub mod b;\npub(crate) mod d;\n"),
            file("crates/a/src/b.rs", "//! B.\nmod c;\n"),
            file("crates/a/src/b/c.rs", "//! C."),
            file("crates/a/src/d/mod.rs", "//! D.\n#[cfg(test)]\nmod tests;"),
            file("crates/a/src/d/tests.rs", "//! T."),
            file("crates/a/src/e.rs", "//! E."),
        ];
        assert_eq!(dead_files(&files), ["crates/a/src/e.rs: no `mod` names it"]);
    }

    #[test]
    fn a_headless_and_an_endless_file_are_found() {
        assert_eq!(heads(&[file("a.rs", "use x;")]).len(), 1);
        assert_eq!(sizes(&[file("a.rs", &"x\n".repeat(LINES_MAX + 1))]).len(), 1);
    }

    #[test]
    fn reading_the_clock_is_found_outside_tests_only() {
        let bad = file("crates/asl/src/a.rs", "//! A.\nfn f() { SystemTime::now() }");
        let good = file("crates/asl/src/b.rs", "//! B.\n#[cfg(test)]\nmod tests {\n SystemTime::now() }");
        assert_eq!(invariants(&[bad, good]).len(), 1);
    }
}
