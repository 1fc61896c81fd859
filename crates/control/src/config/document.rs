//! Reads TOML into types and finds all that does not fit, with its place in the file. Knows no key by name.

use std::{collections::BTreeMap, ops::Range, path::Path};

use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, nearest::nearest, schema::Node};

/// Most errors that are told at once.
const ERRORS_MAX: usize = 32;

/// Where each key of a file stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Places {
    /// Line and column of each key, by its dotted name.
    keys: BTreeMap<String, (usize, usize)>,
}

impl Places {
    /// The place of a key, or of the nearest one around it.
    pub(super) fn find(&self, key: &str) -> (usize, usize) {
        let mut key = key;
        loop {
            if let Some(place) = self.keys.get(key) {
                return *place;
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = key.get(..end).unwrap_or_default(),
                None => return (1, 1),
            }
        }
    }

    /// Whether the file has the key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }
}

/// A file's content and where it stands.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
    /// Each key with the span of its name and that of its value.
    spans: Vec<(String, Range<usize>)>,
}

impl<'a> Document<'a> {
    /// Reads the text; all places where it is not TOML otherwise.
    pub(super) fn parse(file: &'a Path, text: &'a str) -> Result<Self, Vec<ConfigError>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut spans = Vec::new();
        table_spans(table.get_ref(), "", &mut spans);
        let document = Self { file, text, table, spans };
        if errors.is_empty() {
            return Ok(document);
        }
        let mut errors: Vec<ConfigError> =
            errors.iter().take(ERRORS_MAX).map(|error| document.syntax_error(error)).collect();
        errors.sort_by_key(|error| (error.line, error.column));
        Err(errors)
    }

    fn syntax_error(&self, error: &toml::de::Error) -> ConfigError {
        let (line, column) = place(self.text, error.span().map_or(0, |span| span.start));
        let is_duplicate = error.message().contains("duplicate key");
        let hint = if is_duplicate {
            "write each key and each [table] once"
        } else {
            "this is not TOML; see toml.io"
        };
        ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            key: String::new(),
            reason: error.message().to_owned(),
            hint: Some(hint.to_owned()),
        }
    }

    /// Where its keys stand.
    pub(super) fn places(&self) -> Places {
        let mut keys = BTreeMap::new();
        for (key, span) in &self.spans {
            // WHY: the name comes before the value; the first one is where a person looks.
            keys.entry(key.clone()).or_insert_with(|| place(self.text, span.start));
        }
        Places { keys }
    }

    /// Reads the content into `T`, whose schema is given; tells everything that does not fit, and gives what is left
    /// without it.
    pub(super) fn read<T: DeserializeOwned>(&self, schema: &Value) -> (Option<T>, Vec<ConfigError>) {
        let mut table = self.table.clone();
        let places = self.places();
        let mut errors = Vec::new();
        self.unknown_keys(table.get_mut(), Node::root(schema), "", &places, &mut errors);
        while errors.len() < ERRORS_MAX {
            match T::deserialize(toml::de::Deserializer::from(table.clone())) {
                Ok(content) => return (Some(content), errors),
                Err(error) => {
                    let key = error.span().map(|span| self.key_at(&span)).unwrap_or_default();
                    let is_consequence = error.message().starts_with("missing field")
                        && errors.iter().any(|told| told.key.starts_with(&key));
                    if !is_consequence {
                        errors.push(self.type_error(&error, &key, Node::root(schema)));
                    }
                    // WHY: without the value that does not fit, the next one that does not is found.
                    if !remove(table.get_mut(), &key) {
                        break;
                    }
                }
            }
        }
        (None, errors)
    }

    /// Takes the keys out that the schema does not know, and tells each.
    fn unknown_keys(
        &self,
        table: &mut DeTable<'_>,
        node: Node<'_>,
        prefix: &str,
        places: &Places,
        errors: &mut Vec<ConfigError>,
    ) {
        let known = node.keys();
        let unknown: Vec<String> = match &known {
            Some(known) => table
                .keys()
                .map(|key| key.get_ref().to_string())
                .filter(|key| !known.contains(&key.as_str()))
                .collect(),
            None => Vec::new(),
        };
        for name in unknown {
            table.remove(name.as_str());
            let key = join(prefix, &name);
            errors.push(self.unknown_key(&name, &key, known.as_deref().unwrap_or_default(), places));
        }
        for (name, value) in table.iter_mut() {
            let name = name.get_ref().to_string();
            if let Some(child) = node.child(&name) {
                self.unknown_below(value.get_mut(), child, &join(prefix, &name), places, errors);
            }
        }
    }

    fn unknown_below(
        &self,
        value: &mut DeValue<'_>,
        node: Node<'_>,
        key: &str,
        places: &Places,
        errors: &mut Vec<ConfigError>,
    ) {
        match value {
            DeValue::Table(table) => self.unknown_keys(table, node, key, places, errors),
            DeValue::Array(array) => {
                let Some(item) = node.item() else { return };
                for (at, value) in array.iter_mut().enumerate() {
                    self.unknown_below(value.get_mut(), item, &format!("{key}[{at}]"), places, errors);
                }
            }
            _ => {}
        }
    }

    fn unknown_key(&self, name: &str, key: &str, known: &[&str], places: &Places) -> ConfigError {
        let (line, column) = places.find(key);
        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", list(known)),
        };
        ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            reason: "unknown key".to_owned(),
            hint: Some(hint),
        }
    }

    fn type_error(&self, error: &toml::de::Error, key: &str, root: Node<'_>) -> ConfigError {
        let (line, column) = place(self.text, error.span().map_or(0, |span| span.start));
        let names = key.split('.').filter_map(|name| name.split('[').next());
        let node = names.filter(|name| !name.is_empty()).try_fold(root, |node, name| {
            node.child(name).or_else(|| node.item().and_then(|item| item.child(name)))
        });
        let message = error.message();
        let is_bare =
            ["integer", "float", "boolean"].iter().any(|kind| message.contains(&format!("type: {kind}")));
        let hint = if is_bare && message.ends_with("expected a string") {
            Some("put the value in quotes".to_owned())
        } else {
            node.and_then(Node::description).map(|text| text.replace('\n', " "))
        };
        ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            reason: in_plain_words(error.message()),
            hint,
        }
    }

    /// The innermost key whose name or value holds the span.
    fn key_at(&self, span: &Range<usize>) -> String {
        let holds = |outer: &Range<usize>| outer.start <= span.start && span.end <= outer.end;
        let around = self.spans.iter().filter(|(_, outer)| holds(outer));
        around
            .min_by_key(|(key, outer)| (outer.len(), usize::MAX - key.len()))
            .map(|(key, _)| key.clone())
            .unwrap_or_default()
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Adds what is wrong with the values that are left to what does not fit; what follows from that is not told.
pub(super) fn merge(told: Vec<ConfigError>, of_values: Vec<ConfigError>) -> Vec<ConfigError> {
    let is_own = |error: &ConfigError| !told.iter().any(|told| follows(error, told));
    let mut errors: Vec<ConfigError> = of_values.into_iter().filter(is_own).collect();
    errors.extend(told);
    errors.sort_by_key(|error| (error.line, error.column));
    errors.truncate(ERRORS_MAX);
    errors
}

/// Whether an error may be there only because a key was taken out: around it, within it, it speaks of it, or it misses
/// what the key was meant to be.
fn follows(error: &ConfigError, told: &ConfigError) -> bool {
    let key = &told.key;
    let is_around = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| outer.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let name = key.rsplit('.').next().and_then(|name| name.split('[').next()).unwrap_or_default();
    let names_it = |text: &str| text.contains(&format!("`{name}`"));
    let is_meant = told.hint.as_deref().is_some_and(|hint| {
        let (parent, name) = error.key.rsplit_once('.').unwrap_or(("", &error.key));
        key.rsplit_once('.').map_or("", |(parent, _)| parent) == parent
            && hint == format!("did you mean `{name}`?")
    });
    is_meant
        || is_around(&error.key, key)
        || is_around(key, &error.key)
        || names_it(&error.reason)
        || error.hint.as_deref().is_some_and(names_it)
}

/// Names as a person reads a list.
pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn table_spans(table: &DeTable<'_>, prefix: &str, spans: &mut Vec<(String, Range<usize>)>) {
    for (name, value) in table {
        let key = join(prefix, name.get_ref());
        spans.push((key.clone(), name.span()));
        value_spans(value, key, spans);
    }
}

fn value_spans(value: &Spanned<DeValue<'_>>, key: String, spans: &mut Vec<(String, Range<usize>)>) {
    match value.get_ref() {
        DeValue::Table(table) => table_spans(table, &key, spans),
        DeValue::Array(array) => {
            for (at, value) in array.iter().enumerate() {
                value_spans(value, format!("{key}[{at}]"), spans);
            }
        }
        _ => {}
    }
    spans.push((key, value.span()));
}

/// Takes a key out; an element of a list with the whole list. Whether it was there.
fn remove(table: &mut DeTable<'_>, key: &str) -> bool {
    let key = key.split('[').next().unwrap_or_default();
    let mut table = table;
    let mut names = key.split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            return table.remove(name).is_some();
        }
        match table.get_mut(name).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => table = inner,
            _ => return false,
        }
    }
    false
}

/// Line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}

/// The names of Rust's types mean nothing to the reader of the file.
fn in_plain_words(message: &str) -> String {
    let words = [
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number, not negative"),
        ("expected u64", "expected a whole number, not negative"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
    ];
    let mut text = message.trim().to_owned();
    for (word, plain) in words {
        if let Some(start) = text.strip_suffix(word) {
            text = format!("{start}{plain}");
        }
    }
    match text.find("expected struct ") {
        Some(at) => format!("{}expected a table", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
