//! What became of a document: members and items that were added, removed or changed, by path.

use maud::{Markup, html};
use serde_json::Value;

/// Changes that are told.
const CHANGES_MAX: usize = 200;
/// Characters of a value beside its path.
const VALUE_CHARS_MAX: usize = 120;
/// Levels that are looked into; what is deeper changes as a whole.
const DEPTH_MAX: usize = 64;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<'v> {
    /// There is more.
    Added(&'v Value),
    /// There is less.
    Removed(&'v Value),
    /// There is something else.
    Changed(&'v Value, &'v Value),
}

/// Changes by path, in the order of the documents; at most so many, and whether there are more.
pub fn changes<'v>(before: &'v Value, after: &'v Value) -> (Vec<(String, Change<'v>)>, bool) {
    let mut found = Vec::new();
    compare("$", before, after, 0, &mut found);
    let is_more = found.len() > CHANGES_MAX;
    found.truncate(CHANGES_MAX);
    (found, is_more)
}

fn compare<'v>(
    path: &str,
    before: &'v Value,
    after: &'v Value,
    depth: usize,
    found: &mut Vec<(String, Change<'v>)>,
) {
    if found.len() > CHANGES_MAX || before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) if depth < DEPTH_MAX => {
            for (name, old) in old {
                let path = member(path, name);
                match new.get(name) {
                    Some(new) => compare(&path, old, new, depth.saturating_add(1), found),
                    None => found.push((path, Change::Removed(old))),
                }
            }
            let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
            found.extend(added.map(|(name, new)| (member(path, name), Change::Added(new))));
        }
        (Value::Array(old), Value::Array(new)) if depth < DEPTH_MAX => {
            for place in 0..old.len().max(new.len()) {
                let path = format!("{path}[{place}]");
                match (old.get(place), new.get(place)) {
                    (Some(old), Some(new)) => compare(&path, old, new, depth.saturating_add(1), found),
                    (Some(old), None) => found.push((path, Change::Removed(old))),
                    (None, Some(new)) => found.push((path, Change::Added(new))),
                    (None, None) => {}
                }
            }
        }
        _ => found.push((path.to_owned(), Change::Changed(before, after))),
    }
}

fn member(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain { format!("{path}.{name}") } else { format!("{path}[{}]", Value::from(name)) }
}

/// The changes as a table.
pub fn show(before: &Value, after: &Value) -> Markup {
    let (changes, is_more) = changes(before, after);
    html! {
        @if changes.is_empty() { p.muted { "Nothing: the output is the input." } }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Changes from input to output" {
                table.diff {
                    thead { tr { th scope="col" { "Path" } th scope="col" { "Input" } th scope="col" { "Output" } } }
                    tbody { @for (path, change) in &changes { (row(path, change)) } }
                }
            }
            @if is_more { p.muted.small { "Only the first " (CHANGES_MAX) " changes are shown." } }
        }
    }
}

fn row(path: &str, change: &Change<'_>) -> Markup {
    let (class, word, before, after) = match change {
        Change::Added(after) => ("added", "added", None, Some(*after)),
        Change::Removed(before) => ("removed", "removed", Some(*before), None),
        Change::Changed(before, after) => ("changed", "changed", Some(*before), Some(*after)),
    };
    html! {
        tr data-change=(class) {
            th scope="row" { code { (path) } " " span.word { (word) } }
            td.before { (value(before)) }
            td.after { (value(after)) }
        }
    }
}

fn value(value: Option<&Value>) -> Markup {
    let Some(value) = value else { return html! {} };
    let text = value.to_string();
    let shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    html! { code { (shown) @if shown.len() < text.len() { "…" } } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> String {
        let lines = changes(before, after).0.into_iter().map(|(path, change)| match change {
            Change::Added(value) => format!("+ {path} {value}"),
            Change::Removed(value) => format!("- {path} {value}"),
            Change::Changed(before, after) => format!("~ {path} {before} {after}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn changes_are_named_by_their_path() {
        let before = json!({"a": 1, "b": {"c": [1, 2, 3]}, "gone": null, "same": {"x": 1}});
        let after = json!({"a": 2, "b": {"c": [1, 9]}, "same": {"x": 1}, "new key": []});
        assert_eq!(
            told(&before, &after),
            "~ $.a 1 2\n~ $.b.c[1] 2 9\n- $.b.c[2] 3\n- $.gone null\n+ $[\"new key\"] []"
        );
        assert_eq!(told(&json!([1]), &json!({"a": 1})), "~ $ [1] {\"a\":1}");
        assert_eq!(told(&before, &before), "");
    }

    #[test]
    fn large_documents_are_told_up_to_a_limit() {
        let (before, after) = (json!((0..1_000).collect::<Vec<_>>()), json!([]));
        let (changes, is_more) = changes(&before, &after);
        assert_eq!((changes.len(), is_more), (CHANGES_MAX, true));
        let deep = |last: i32| (0..100).fold(json!(last), |inner, _| json!([inner]));
        assert_eq!(self::changes(&deep(1), &deep(2)).0.len(), 1);
    }
}
