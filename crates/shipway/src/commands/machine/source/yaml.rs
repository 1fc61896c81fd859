//! YAML as JSON data, with the place of each value. Knows YAML only through serde.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use shipway_asl::locate::{self, Span};

use super::offset_of;

/// A message and the byte that it is about.
type Fault = (String, usize);

/// Where the values of a document stand.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, (usize, usize)>);

/// The document as JSON data.
pub fn parse(text: &str) -> Result<(Value, Places), Fault> {
    let tree: Spanned<Tree> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(text, &error))?;
    let mut places = Places::default();
    let value = places.collect(tree, "", None);
    Ok((value, places))
}

/// A document of a known form.
pub fn document<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(text, &error))
}

/// YAML 1.2: only `true` and `false` are booleans, since states have names such as `No` and `Yes`.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true, with_snippet: false }
}

fn fault(text: &str, error: &serde_saphyr::Error) -> Fault {
    let plain = error.without_snippet();
    let place = error.location().map(|place| (number(place.line()), number(place.column())));
    let (line, column) = place.unwrap_or((1, 1));
    let message = plain.to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    (message.to_owned(), offset_of(text, line, column))
}

fn number(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Places {
    /// What to show of a pointer, or of the nearest value above it.
    pub fn span(&self, text: &str, pointer: &str) -> Option<Span> {
        let mut pointer = if pointer == "/" { "" } else { pointer };
        loop {
            if let Some((line, column)) = self.0.get(pointer) {
                let start = offset_of(text, *line, *column);
                let end = start.saturating_add(length(text.get(start..).unwrap_or_default()));
                return Some(Span { start: locate::position(text, start), end: locate::position(text, end) });
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    fn collect(&mut self, tree: Spanned<Tree>, pointer: &str, key: Option<(usize, usize)>) -> Value {
        let own = (number(tree.referenced.line()), number(tree.referenced.column()));
        let is_large = !matches!(tree.value, Tree::Leaf(_));
        self.0.insert(pointer.to_owned(), key.filter(|_| is_large || own.0 == 0).unwrap_or(own));
        match tree.value {
            Tree::Leaf(value) => value,
            Tree::List(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(index, item)| self.collect(item, &format!("{pointer}/{index}"), None)).collect()
            }
            Tree::Map(members) => {
                let mut object = Map::new();
                for (name, member) in members {
                    let below = format!("{pointer}/{}", name.value.replace('~', "~0").replace('/', "~1"));
                    let key = (number(name.referenced.line()), number(name.referenced.column()));
                    object.insert(name.value, self.collect(member, &below, Some(key)));
                }
                Value::Object(object)
            }
        }
    }
}

/// The length of the word at the start of a text: what is quoted, or up to the end of a name or a plain value.
fn length(text: &str) -> usize {
    let line = text.lines().next().unwrap_or_default();
    if let Some(quote) = line.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        return line.get(1..).and_then(|rest| rest.find(quote)).map_or(line.len(), |end| end + 2);
    }
    let end = [": ", " #"].iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_end().trim_end_matches(':').len().max(1)
}

enum Tree {
    Leaf(Value),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Tree::Map(map))
    }
}
