//! Two texts line by line: what is gone, what is new, and some of what stayed around it.

use maud::{Markup, html};

/// Lines that are compared with each other; of more, all of the middle counts as changed.
const LINES_MAX: usize = 2_000;
/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kept,
    Gone,
    New,
}

/// The difference as a table of lines; nothing changed is said in words.
pub fn diff(old: &str, new: &str) -> Markup {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = compare(&old, &new);
    let count = |wanted| lines.iter().filter(|(kind, _)| *kind == wanted).count();
    if count(Kind::Gone) + count(Kind::New) == 0 {
        return html! { p.empty { "They are the same." } };
    }
    html! {
        p.muted.small { (count(Kind::New)) " lines added, " (count(Kind::Gone)) " removed" }
        div.scroll.diff tabindex="0" role="region" aria-label="Differences" { pre {
            @for part in shown(&lines) {
                @match part {
                    None => span.gap { "⋯" },
                    Some((Kind::Kept, line)) => span { "  " (line) },
                    Some((Kind::Gone, line)) => del { "− " (line) },
                    Some((Kind::New, line)) => ins { "+ " (line) },
                }
            }
        } }
    }
}

/// The lines near changes; a gap where others are left out.
fn shown<'t>(lines: &[(Kind, &'t str)]) -> Vec<Option<(Kind, &'t str)>> {
    let mut shown = Vec::new();
    let mut last = None;
    for (at, line) in lines.iter().enumerate() {
        let near = lines.iter().skip(at.saturating_sub(CONTEXT)).take(at.min(CONTEXT) + 1 + CONTEXT);
        if near.clone().all(|(kind, _)| *kind == Kind::Kept) {
            continue;
        }
        if last != at.checked_sub(1) {
            shown.push(None);
        }
        last = Some(at);
        shown.push(Some(*line));
    }
    shown
}

fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Kind, &'t str)> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let middle = |lines: &[&'t str]| {
        lines.iter().skip(start).take(lines.len() - start - end).copied().collect::<Vec<_>>()
    };
    let kept = |lines: Vec<&'t str>| lines.into_iter().map(|line| (Kind::Kept, line));
    let mut lines: Vec<(Kind, &str)> = kept(old.iter().take(start).copied().collect()).collect();
    lines.extend(changed(&middle(old), &middle(new)));
    lines.extend(kept(old.iter().skip(old.len() - end).copied().collect()));
    lines
}

/// By the longest common sequence of lines.
fn changed<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Kind, &'t str)> {
    let all = |kind, lines: &[&'t str]| lines.iter().map(|line| (kind, *line)).collect::<Vec<_>>();
    if old.len() > LINES_MAX || new.len() > LINES_MAX {
        return [all(Kind::Gone, old), all(Kind::New, new)].concat();
    }
    // `lengths[i][j]`: of the longest common sequence of what is behind `i` and `j`.
    let mut lengths = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    let at = |lengths: &[Vec<u16>], i: usize, j: usize| {
        lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0)
    };
    for (i, before) in old.iter().enumerate().rev() {
        for (j, after) in new.iter().enumerate().rev() {
            let length = match before == after {
                true => at(&lengths, i + 1, j + 1) + 1,
                false => at(&lengths, i + 1, j).max(at(&lengths, i, j + 1)),
            };
            if let Some(place) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *place = length;
            }
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (Some(before), Some(after)) if before == after => {
                lines.push((Kind::Kept, *before));
                (i, j) = (i + 1, j + 1);
            }
            (Some(before), after) if after.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                lines.push((Kind::Gone, *before));
                i += 1;
            }
            (_, Some(after)) => {
                lines.push((Kind::New, *after));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str) -> String {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), new.split(' ').collect());
        let mark = |(kind, line): &(Kind, &str)| match kind {
            Kind::Kept => (*line).to_owned(),
            Kind::Gone => format!("-{line}"),
            Kind::New => format!("+{line}"),
        };
        compare(&old, &new).iter().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_common_stays() {
        for (old, new, difference) in [
            ("a b c", "a b c", "a b c"),
            ("a b c", "a x c", "a -b +x c"),
            ("a b", "a b c d", "a b +c +d"),
            ("a b c d", "d", "-a -b -c d"),
            ("a b a b", "b a b a", "-a b a b +a"),
            ("x", "y", "-x +y"),
        ] {
            assert_eq!(text(old, new), difference);
        }
    }

    #[test]
    fn far_lines_are_left_out_and_large_texts_are_bounded() {
        let old: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let mut new = old.clone();
        new[50] = "changed".into();
        let html = diff(&old.join("\n"), &new.join("\n")).into_string();
        assert!(html.contains("  47<") && !html.contains("  46<") && html.contains("⋯"), "{html}");
        let large: Vec<String> = (0..LINES_MAX + 2).map(|line| format!("x{line}")).collect();
        assert!(diff(&large.join("\n"), "y").into_string().contains("2002 removed"));
    }
}
