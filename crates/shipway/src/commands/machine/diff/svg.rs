//! Two machines side by side, with what is removed, added and changed in colour. Does not compare them.

use std::collections::BTreeSet;

use shipway_asl::Outline;
use shipway_server::{StateStatus, Statuses, render_svg};

use super::compare::Difference;

/// Space above and between the drawings.
const HEAD: f64 = 44.0;
const GAP: f64 = 32.0;

/// Before on the left, now on the right.
pub fn svg(difference: &Difference, old: (&str, &Outline), new: (&str, &Outline)) -> String {
    let left = Drawing::new("old", old.1, &before(difference), "removed");
    let right = Drawing::new("new", new.1, &after(difference), "added");
    let at = left.width + GAP;
    let (width, height) = (at + right.width, HEAD + left.height.max(right.height));
    let (old, new) = (escaped(old.0), escaped(new.0));
    format!(
        concat!(
            "<svg class=\"machine\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" ",
            "viewBox=\"0 0 {width} {height}\" role=\"group\" aria-label=\"{old} compared with {new}\">",
            "<text class=\"name\" x=\"12\" y=\"26\">{old}</text><text class=\"name\" x=\"{label}\" y=\"26\">{new}</text>",
            "{left}{right}</svg>"
        ),
        width = width,
        height = height,
        old = old,
        new = new,
        label = at + 12.0,
        left = left.at(0.0),
        right = right.at(at),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// How the states of the old machine stand.
fn before(difference: &Difference) -> Statuses {
    let renamed = difference.renamed.iter().map(|(old, new)| (old.as_str(), new.as_str()));
    let names: Vec<(&str, &str)> = renamed.collect();
    let old_name =
        |name: &str| names.iter().find(|(_, new)| *new == name).map_or(name, |(old, _)| *old).to_owned();
    let changed: BTreeSet<String> =
        difference.changed.iter().map(|changed| old_name(&changed.name)).collect();
    let changed = changed.into_iter().chain(names.iter().map(|(old, _)| (*old).to_owned()));
    let removed = difference.removed.iter().map(|state| (state.name.clone(), StateStatus::Failed));
    changed.map(|name| (name, StateStatus::Caught)).chain(removed).collect()
}

/// How the states of the new machine stand.
fn after(difference: &Difference) -> Statuses {
    let changed = difference.changed.iter().map(|changed| changed.name.clone());
    let changed = changed.chain(difference.renamed.iter().map(|(_, new)| new.clone()));
    let added = difference.added.iter().map(|state| (state.name.clone(), StateStatus::Succeeded));
    changed.map(|name| (name, StateStatus::Caught)).chain(added).collect()
}

/// One of the two machines.
struct Drawing {
    text: String,
    width: f64,
    height: f64,
}

impl Drawing {
    /// Ids get a prefix, since both machines may have the same states; statuses get the words of a comparison.
    fn new(side: &str, outline: &Outline, statuses: &Statuses, alone: &str) -> Self {
        let mut text = render_svg(outline, statuses)
            .replace("id=\"", &format!("id=\"{side}-"))
            .replace("url(#", &format!("url(#{side}-"))
            .replace("#arrow", &format!("#{side}-arrow"));
        for (status, word) in
            [("waiting", "same"), ("caught", "changed"), ("failed", alone), ("succeeded", alone)]
        {
            for end in ["\"", "</title>", "\n"] {
                text = text.replace(&format!(": {status}{end}"), &format!(": {word}{end}"));
            }
        }
        let (width, height) = (number(&text, " width=\""), number(&text, " height=\""));
        Self { text, width, height }
    }

    /// The drawing at a place of a larger one.
    fn at(&self, x: f64) -> String {
        self.text.replacen("<svg", &format!("<svg x=\"{x}\" y=\"{HEAD}\""), 1)
    }
}

/// The first value of an attribute.
fn number(text: &str, attribute: &str) -> f64 {
    let after = text.split_once(attribute).and_then(|(_, rest)| rest.split_once('"'));
    after.and_then(|(number, _)| number.parse().ok()).unwrap_or(0.0)
}
