//! Definitions as files: reads them, parses JSON and YAML, knows where each value stands in the text.

mod yaml;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use shipway_asl::{
    Diagnostic, StateMachine,
    locate::{self, Span},
};

use shipway_control::config::nearest;

use crate::{exit::Code, failure::Failure};

/// Bytes of a file at most.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    Json,
    Yaml,
}

/// A definition and its text.
#[derive(Debug)]
pub struct Source {
    /// The file's name as the user wrote it; `<stdin>` for `-`.
    pub name: String,
    /// The text.
    pub text: String,
    /// The definition as data.
    pub value: Value,
    yaml: Option<yaml::Places>,
}

/// A text that is no JSON or YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The file's name.
    pub name: String,
    /// The text.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// Where: byte of the text.
    pub offset: usize,
}

impl Source {
    /// Reads and parses a file, or stdin for `-`. The outer error is about the file, the inner one about its text.
    pub fn read(file: &Path) -> Result<Result<Self, Unreadable>, Failure> {
        let text = read(file)?;
        Ok(Self::parse(name(file), text, syntax(file)))
    }

    /// Reads and parses a file; a text that is no JSON or YAML is a failure too.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        Self::read(file)?.map_err(|unreadable| Failure::usage(unreadable.to_string()))
    }

    fn parse(name: String, text: String, syntax: Option<Syntax>) -> Result<Self, Unreadable> {
        let is_json = || text.trim_start().starts_with(['{', '[']);
        let is_yaml = syntax.map_or_else(|| !is_json(), |syntax| syntax == Syntax::Yaml);
        let parsed = if is_yaml {
            yaml::parse(&text).map(|(value, places)| (value, Some(places)))
        } else {
            json(&text).map(|value| (value, None))
        };
        match parsed {
            Ok((value, yaml)) => Ok(Self { name, text, value, yaml }),
            Err((message, offset)) => Err(Unreadable { name, text, message, offset }),
        }
    }

    /// The machine, or what is wrong with it.
    pub fn machine(&self) -> Result<StateMachine, Vec<Diagnostic>> {
        match self.yaml {
            None => StateMachine::parse(&self.text),
            Some(_) => StateMachine::parse(&self.value.to_string()),
        }
    }

    /// The machine; if it is refused, a failure with the first fault and its place.
    pub fn checked(&self) -> Result<StateMachine, Failure> {
        self.machine().map_err(|diagnostics| {
            let first = diagnostics.first();
            let place = first.map_or(String::new(), |one| self.place(&one.pointer));
            let message = first.map_or("it is refused", |one| one.message.as_str());
            Failure::usage(format!("{place}: `{}` is not a valid machine: {message}", self.name))
                .hint(format!("`shipway machine lint {}` says all that is wrong", self.name))
        })
    }

    /// `file:line:column` of a JSON pointer.
    pub fn place(&self, pointer: &str) -> String {
        let span = self.span(pointer);
        let start = span.map_or((1, 1), |span| (span.start.line, span.start.column));
        format!("{}:{}:{}", self.name, start.0, start.1)
    }

    /// What to show of a JSON pointer: a plain value, or the name of what is larger.
    pub fn span(&self, pointer: &str) -> Option<Span> {
        if let Some(places) = &self.yaml {
            return places.span(&self.text, pointer);
        }
        let place = locate::locate(&self.text, pointer)?;
        let first = self.text.as_bytes().get(place.value.start.offset);
        let is_large = matches!(first, Some(b'{' | b'['));
        match place.key {
            Some(key) if is_large || !place.is_exact => Some(key),
            _ if is_large => Some(first_character(&self.text, place.value.start.offset)),
            _ => Some(place.value),
        }
    }
}

fn first_character(text: &str, offset: usize) -> Span {
    Span { start: locate::position(text, offset), end: locate::position(text, offset.saturating_add(1)) }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = locate::position(&self.text, self.offset);
        write!(f, "{}:{}:{}: {}", self.name, place.line, place.column, self.message)
    }
}

fn syntax(file: &Path) -> Option<Syntax> {
    match file.extension()?.to_str()? {
        "yaml" | "yml" => Some(Syntax::Yaml),
        "json" => Some(Syntax::Json),
        _ => None,
    }
}

fn json(text: &str) -> Result<Value, (String, usize)> {
    serde_json::from_str(text).map_err(|error| {
        (format!("it is not JSON: {}", without_place(&error.to_string())), json_offset(text, &error))
    })
}

/// The byte that an error is about: its columns count bytes.
fn json_offset(text: &str, error: &serde_json::Error) -> usize {
    let start = offset_of(text, error.line(), 1);
    start.saturating_add(error.column().saturating_sub(1)).min(text.len())
}

/// `expected value at line 1 column 2` without the place, which is shown otherwise.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

/// The byte of a line and a column, both from 1; columns count characters.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let column = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    start.saturating_add(column)
}

/// A file's name as it is shown.
pub fn name(file: &Path) -> String {
    if file == Path::new("-") { "<stdin>".to_owned() } else { file.display().to_string() }
}

/// A file's text, or stdin's for `-`.
pub fn read(file: &Path) -> Result<String, Failure> {
    let name = name(file);
    let failed = |error: std::io::Error| Failure::new(Code::Usage, format!("cannot read `{name}`: {error}"));
    let mut bytes = Vec::new();
    // One byte more than may be, so that a file that is too large is told from one that just fits.
    let most = FILE_BYTES_MAX.saturating_add(1);
    if file == Path::new("-") {
        std::io::stdin().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("`{name}` is larger than {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("`{name}` is not UTF-8")))
}

/// A file of a known form, in JSON or YAML.
pub fn document<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let text = read(file)?;
    let parsed = match syntax(file) {
        Some(Syntax::Json) => serde_json::from_str(&text).map_err(|error| {
            let message = without_place(&error.to_string()).to_owned();
            (message, json_offset(&text, &error))
        }),
        _ => yaml::document(&text),
    };
    parsed.map_err(|(message, offset)| {
        let hint = meant(&message);
        let failure = Failure::usage(Unreadable { name: name(file), text, message, offset }.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// The field or word that was most likely meant, by the list that serde gives of those that may be.
fn meant(message: &str) -> Option<String> {
    let (said, known) = message.split_once(", expected ")?;
    let mut quoted = said.split('`');
    let is_unknown = quoted.next()?.starts_with("unknown ");
    let name = quoted.next().filter(|_| is_unknown)?;
    // YAML's reader lists plain words, JSON's has each in backticks.
    let words = known.trim_start_matches("one of ").split([',', '`', ' ']).filter(|word| !word.is_empty());
    nearest(name, words).map(|meant| format!("did you mean `{meant}`?"))
}

/// JSON of an argument: itself, or `@file`, or `@-` for stdin.
pub fn argument(flag: &str, text: &str) -> Result<Value, Failure> {
    let (name, json) = match text.strip_prefix('@') {
        Some(file) => (format!("{flag} {text}"), read(&PathBuf::from(file))?),
        None => (flag.to_owned(), text.to_owned()),
    };
    serde_json::from_str(&json).map_err(|error| {
        Failure::usage(format!("`{name}` is not JSON: {error}"))
            .hint(format!("write {flag} '{{\"key\": 1}}', or {flag} @file.json"))
    })
}

#[cfg(test)]
mod tests;
