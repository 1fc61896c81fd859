//! What `run` and `register` are told of a function, as settings. Whether they fit is the server's to say.

use std::{collections::BTreeMap, path::PathBuf};

use clap::ValueEnum;
use shipway_control::function::{Runtime, Settings, Variables};

use crate::failure::Failure;

/// Bytes of a file of variables at most.
const ENV_FILE_BYTES_MAX: u64 = 256 * 1024;

/// What starts the code.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// python3
    Python,
    /// node
    Node,
    /// The directory's own program `bootstrap`, which speaks the Lambda Runtime API
    Provided,
}

/// A function's code and how it is run.
#[derive(Debug, clap::Args)]
pub struct Code {
    /// What starts the code
    #[arg(long, value_name = "RUNTIME")]
    runtime: Language,
    /// What is called: `module.function` with python, `file.export` with node
    #[arg(long, value_name = "HANDLER", default_value = "", required_if_eq_any = [("runtime", "python"), ("runtime", "node")])]
    handler: String,
    /// Where the code is, on the server's machine
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// How long a call may take: 1s to 900s
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = seconds)]
    timeout: u32,
    /// How many calls may run at once: 1 to 100
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    concurrency: u32,
    /// What the function is told of its memory, in MB; nobody enforces it
    #[arg(long, value_name = "MB", default_value_t = 128)]
    memory: u32,
    /// A variable; may be given several times. NAME alone takes the value of this environment
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Variables from a file of lines NAME=VALUE; --env goes before it
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

impl Code {
    /// The settings that are meant.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let directory = std::fs::canonicalize(&self.directory).map_err(|error| {
            Failure::of(format!("`{}` cannot be used", self.directory.display()), &error)
                .hint("name the directory that the code is in with --directory")
        })?;
        let runtime = match self.runtime {
            Language::Python => Runtime::Python,
            Language::Node => Runtime::Node,
            Language::Provided => Runtime::Provided,
        };
        Ok(Settings {
            runtime,
            handler: self.handler.clone(),
            directory,
            timeout_seconds: self.timeout,
            concurrency: self.concurrency,
            memory_mb: self.memory,
            env: self.variables()?,
        })
    }

    fn variables(&self) -> Result<Variables, Failure> {
        let mut all = match &self.env_file {
            Some(path) => file(&read(path)?)?,
            None => BTreeMap::new(),
        };
        for pair in &self.env {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (pair.as_str(), inherited(pair)?),
            };
            all.insert(name.to_owned(), value);
        }
        Ok(Variables(all))
    }
}

fn inherited(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| {
        Failure::usage(format!("this environment has no `{name}`"))
            .hint("write --env NAME=VALUE, or export it")
    })
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::of(format!("cannot read `{}`", path.display()), &error);
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > ENV_FILE_BYTES_MAX {
        return Err(Failure::usage(format!("`{}` has {bytes} bytes", path.display()))
            .hint(format!("{ENV_FILE_BYTES_MAX} at most")));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Lines `NAME=VALUE`; empty ones and such that begin with `#` are left out, and a pair of quotes around a value too.
fn file(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|(number, line)| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line.split_once('=');
        // WHY: the line itself may hold a secret.
        let wrong = || Failure::usage(format!("line {number} of the file of variables is not NAME=VALUE"));
        let (name, value) = pair.ok_or_else(wrong)?;
        Ok((name.trim().to_owned(), unquoted(value.trim()).to_owned()))
    });
    pairs.collect()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// `3s`, `2min` or `3`.
fn seconds(text: &str) -> Result<u32, String> {
    let (digits, factor) = match (text.strip_suffix("min"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, 60),
        (None, Some(digits)) => (digits, 1),
        (None, None) => (text, 1),
    };
    let number: Option<u32> = digits.trim().parse().ok();
    let told = number.and_then(|number| number.checked_mul(factor));
    told.filter(|seconds| (1..=900).contains(seconds))
        .ok_or_else(|| "write 1s to 900s, or 1min to 15min".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_minutes() {
        for (text, expected) in [
            ("3s", Some(3)),
            ("900", Some(900)),
            ("15min", Some(900)),
            ("16min", None),
            ("0s", None),
            ("x", None),
        ] {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_file_of_variables_is_read_and_its_mistakes_do_not_show_it() {
        let read = file("# c\n\nA=1\nexport B = \"two words\"\nC='x=y'\n").unwrap();
        let expected = [("A", "1"), ("B", "two words"), ("C", "x=y")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let told = format!("{:?}", file("A=1\nhunter2\n").unwrap_err());
        assert!(told.contains("line 2") && !told.contains("hunter2"), "{told}");
    }
}
