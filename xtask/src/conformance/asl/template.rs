//! Recorded texts in which parts that differ from run to run are replaced: `<name>`, `<kind:number>`, `date`.

use shipway_asl::Timestamp;

use super::compare::Bound;

/// Names that stand for themselves: the runner gives the machine and its execution these names.
pub const MACHINE: &str = "<ArnPart_0idx>";
pub const RUN: &str = "<ExecArnPart_0idx>";

/// Longest date-time that is looked for, in bytes.
const DATE_BYTES_MAX: usize = 35;
/// Shortest date-time.
const DATE_BYTES_MIN: usize = 19;

/// Words for a date-time; the longest first.
const DATES: &[&str] = &["start-date", "stop-date", "datetime", "date"];

/// A part of a recorded text.
#[derive(Debug, PartialEq)]
enum Part<'t> {
    Literal(&'t str),
    /// Any text, `<..>` with its brackets.
    Any(&'t str),
    /// A date-time, or the word for it.
    Date(&'t str),
}

/// Whether a text is one that the recorder would have written so.
pub fn fits(template: &str, text: &str, bound: &mut Bound) -> bool {
    template == text || fits_parts(&parts(template), text, bound)
}

fn fits_parts(parts: &[Part], text: &str, bound: &mut Bound) -> bool {
    let Some((first, after)) = parts.split_first() else { return text.is_empty() };
    match first {
        Part::Literal(literal) => {
            text.strip_prefix(literal).is_some_and(|rest| fits_parts(after, rest, bound))
        }
        Part::Date(word) => {
            let dated = date(text).and_then(|length| text.get(length..));
            let rest = dated.or_else(|| text.strip_prefix(word));
            rest.is_some_and(|rest| fits_parts(after, rest, bound))
        }
        Part::Any(name) => {
            let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
            let mut ends: Vec<usize> = ends.collect();
            if after.is_empty() {
                ends = ends.pop().into_iter().collect();
            }
            ends.into_iter().any(|end| {
                let (value, rest) = text.split_at(end);
                let mut trial = bound.clone();
                let fits = trial.stands_for(name, value) && fits_parts(after, rest, &mut trial);
                if fits {
                    *bound = trial;
                }
                fits
            })
        }
    }
}

/// The length of the date-time with which the text begins; it may lack its zone.
fn date(text: &str) -> Option<usize> {
    let is_date =
        |start: &str| Timestamp::parse(start).is_some() || Timestamp::parse(&format!("{start}Z")).is_some();
    let longest = text.len().min(DATE_BYTES_MAX);
    (DATE_BYTES_MIN..=longest).rev().find(|end| text.get(..*end).is_some_and(is_date))
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let found = rest.char_indices().find_map(|(at, _)| Some((at, replaced(rest, at)?)));
        let Some((at, part)) = found else {
            parts.push(Part::Literal(rest));
            break;
        };
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Literal(before));
        }
        let (Part::Literal(text) | Part::Any(text) | Part::Date(text)) = part;
        rest = after.get(text.len()..).unwrap_or_default();
        parts.push(part);
    }
    parts
}

/// The replaced part that begins at a place of a template.
fn replaced(template: &str, at: usize) -> Option<Part<'_>> {
    let text = template.get(at..)?;
    if let Some(word) = DATES.iter().find(|word| text.starts_with(**word)) {
        let is_inside = |character: Option<char>| {
            character.is_some_and(|character| character.is_alphanumeric() || "-_<:".contains(character))
        };
        let before = template.get(..at)?.chars().next_back();
        let after = text.get(word.len()..)?.chars().next();
        return (!is_inside(before) && !is_inside(after))
            .then(|| Part::Date(text.get(..word.len()).unwrap_or(text)));
    }
    if !text.starts_with('<') || [MACHINE, RUN].iter().any(|name| text.starts_with(name)) {
        return None;
    }
    // WHY: one placeholder may stand within another: `<<task_token>:1>`.
    let inner = text.strip_prefix('<')?;
    let end = if inner.starts_with('<') { text.find(">:").map(|end| end + 1)? } else { 0 };
    let end = end + text.get(end..)?.find('>')? + 1;
    let name = text.get(1..end - 1)?;
    let is_name = |character: char| character.is_alphanumeric() || "-_:<>".contains(character);
    (!name.is_empty() && name.chars().all(is_name)).then(|| Part::Any(text.get(..end).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(template: &str, text: &str) -> bool {
        fits(template, text, &mut Bound::default())
    }

    #[test]
    fn replaced_parts_fit_and_the_rest_is_exact() {
        assert!(fit("id <uuid:1> is no id", "id 12-34 is no id"));
        assert!(!fit("id <uuid:1> is no id", "id 12-34 is no idea"));
        assert!(fit("mapRun:<ArnPart_0idx>/<A>:<B>", "mapRun:<ArnPart_0idx>/x:y"));
        assert!(!fit("mapRun:<ArnPart_0idx>/<A>", "mapRun:other/x"));
        assert!(!fit("<uuid:1>", ""));
        assert!(fit("<<task_token>:1>", "token"));
        assert!(!fit("a < b > c", "a < d > c"), "a comparison is no placeholder");
    }

    #[test]
    fn a_date_is_a_date() {
        assert!(fit("at date.", "at 2026-11-21T04:00:00.000Z."));
        assert!(fit("date", "date"));
        assert!(!fit("date", "some time"));
        assert!(!fit("candidate", "candi2026-11-21T04:00:00.000Z"));
        assert!(fit("start-date", "2026-11-21T04:00:00Z"));
    }

    #[test]
    fn the_same_number_is_the_same_text_within_a_text() {
        assert!(fit("<uuid:1> and <uuid:1>", "a and a"));
        assert!(!fit("<uuid:1> and <uuid:1>", "a and b"));
    }
}
