//! Fuzzing of the language with libFuzzer, on the stable toolchain. Judges by libFuzzer's own exit code.

mod api;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

/// Longest run of one input, in seconds.
const TIMEOUT_SECONDS: u32 = 1;
/// Most memory of one run, in MiB.
const RSS_MIB_MAX: u32 = 256;
/// Longest input, in bytes: what is slow shows at this size already.
const INPUT_BYTES_MAX: u32 = 4096;
/// Most files that a corpus keeps, the smallest first.
const CORPUS_FILES_MAX: usize = 200;
/// What `-C passes=sancov-module` needs so that libFuzzer sees which code has run.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// `cargo xtask fuzz [--seconds N] [TARGET...]`: two targets at a time, then each corpus is made small again.
pub fn run(root: &Path, mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut arguments = arguments.by_ref().peekable();
    if arguments.next_if(|first| first == "api").is_some() {
        return api::run(root, arguments);
    }
    let mut seconds = 600_u64;
    let mut targets = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let given = arguments.next().context("--seconds needs a number")?;
            seconds = given.parse().with_context(|| format!("`{given}` is no number of seconds"))?;
        } else {
            targets.push(argument);
        }
    }
    let known = targets_of(root)?;
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no target `{unknown}`; there are {}", known.join(", "));
    }
    if targets.is_empty() {
        targets = known;
    }
    let binary = build(root)?;
    let mut failed = Vec::new();
    for pair in targets.chunks(2) {
        failed.extend(fuzz_side_by_side(root, &binary, pair, seconds)?);
    }
    for target in &targets {
        shrink(root, &binary, target)?;
    }
    if failed.is_empty() { Ok(()) } else { bail!("found something: see target/fuzz/artifacts") }
}

/// A target is a folder of the corpus; a test holds that each has one.
fn targets_of(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/corpus")).context("cannot list fuzz/corpus")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn build(root: &Path) -> Result<PathBuf> {
    let target = root.join("target/fuzz");
    let triple = host_triple()?;
    // WHY: with an explicit target the flags do not reach build scripts and macros.
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &triple])
        .env("RUSTFLAGS", COVERAGE)
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(root)
        .status()
        .context("cannot run `cargo`")?;
    if !status.success() {
        bail!("the fuzzer could not be built");
    }
    Ok(target.join(triple).join("release/fuzz"))
}

fn host_triple() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run `rustc`")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host =
        text.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    Ok(host.to_owned())
}

fn fuzz_side_by_side(root: &Path, binary: &Path, targets: &[String], seconds: u64) -> Result<Vec<String>> {
    let runs: Vec<_> = targets
        .iter()
        .map(|target| {
            let mut command = fuzzer(root, binary, target, &work_corpus(root, target));
            command.arg(root.join("fuzz/corpus").join(target)).arg(format!("-max_total_time={seconds}"));
            let target = target.clone();
            thread::spawn(move || report(&target, &mut command))
        })
        .collect();
    let mut failed = Vec::new();
    for run in runs {
        match run.join() {
            Ok(outcome) => failed.extend(outcome?),
            Err(_) => bail!("a run of the fuzzer was lost"),
        }
    }
    Ok(failed)
}

/// New inputs go to a working copy, outside of what is committed.
fn work_corpus(root: &Path, target: &str) -> PathBuf {
    root.join("target/fuzz/corpus").join(target)
}

fn fuzzer(root: &Path, binary: &Path, target: &str, corpus: &Path) -> Command {
    let artifacts = root.join("target/fuzz/artifacts").join(target);
    let _ = fs::create_dir_all(&artifacts);
    let _ = fs::create_dir_all(corpus);
    let mut command = Command::new(binary);
    command
        .arg(corpus)
        .arg(format!("-timeout={TIMEOUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={RSS_MIB_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1")
        .arg(format!("-dict={}", root.join("fuzz/dictionary.txt").display()))
        .env("SHIPWAY_FUZZ_TARGET", target)
        .stdin(Stdio::null());
    command
}

/// Runs a fuzzer to its end and prints what counts. Gives the target's name if it found something.
fn report(target: &str, command: &mut Command) -> Result<Option<String>> {
    let output = command.output().with_context(|| format!("cannot run the fuzzer of `{target}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let stat = |name: &str| {
        let line = said.lines().find(|line| line.contains(name)).unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    println!(
        "{target}: {} runs, {} new inputs, slowest {} s, peak {} MiB, {}",
        stat("number_of_executed_units"),
        stat("new_units_added"),
        stat("slowest_unit_time_sec"),
        stat("peak_rss_mb"),
        if output.status.success() { "nothing found" } else { "FOUND SOMETHING" },
    );
    if output.status.success() {
        return Ok(None);
    }
    for line in said.lines().skip(said.lines().count().saturating_sub(30)) {
        println!("{line}");
    }
    Ok(Some(target.to_owned()))
}

/// Keeps in the repository the smallest inputs that together reach what all inputs reach.
fn shrink(root: &Path, binary: &Path, target: &str) -> Result<()> {
    let kept = root.join("fuzz/corpus").join(target);
    let merged = root.join("target/fuzz/merged").join(target);
    let _ = fs::remove_dir_all(&merged);
    let mut command = fuzzer(root, binary, target, &merged);
    command.arg(&kept).arg(work_corpus(root, target)).arg("-merge=1");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if !command.status().with_context(|| format!("cannot merge the corpus of `{target}`"))?.success() {
        bail!("the corpus of `{target}` could not be merged");
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&merged)? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.path()));
    }
    files.sort();
    files.truncate(CORPUS_FILES_MAX);
    for (_, file) in files {
        if let Some(name) = file.file_name() {
            fs::copy(&file, kept.join(name))?;
        }
    }
    Ok(())
}
