//! Draws a laid-out machine as SVG. Colours come from classes, so that a page's style decides them.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use shipway_asl::{Outline, OutlineState, TransitionKind};

use super::{
    layout::{Area, Line, Part, Plan, plan},
    text::render_text,
};
use crate::fold::{StateStatus, Statuses};

/// Style of a drawing that stands alone.
const STYLE: &str = concat!(include_str!("colors.css"), include_str!("graph.css"));

/// A drawing that stands alone: light and dark, no script, nothing from elsewhere.
pub fn render_svg(outline: &Outline, statuses: &Statuses) -> String {
    match plan(outline) {
        Some(plan) => svg(&plan, &Look { statuses, link: None }, Some(STYLE)).into_string(),
        None => text_svg(&render_text(outline)).into_string(),
    }
}

/// A drawing inside a page that has the style; text if the machine is too large.
pub fn draw(outline: &Outline, statuses: &Statuses) -> Markup {
    drawn(outline, &Look { statuses, link: None })
}

/// As [`draw`], where each state leads somewhere.
pub fn draw_linked(outline: &Outline, statuses: &Statuses, link: &dyn Fn(&str) -> String) -> Markup {
    drawn(outline, &Look { statuses, link: Some(link) })
}

/// What states look like: how they stand, and where they lead.
struct Look<'l> {
    statuses: &'l Statuses,
    link: Option<&'l dyn Fn(&str) -> String>,
}

fn drawn(outline: &Outline, look: &Look<'_>) -> Markup {
    match plan(outline) {
        Some(plan) => svg(&plan, look, None),
        None => html! { pre { (render_text(outline)) } },
    }
}

/// The element's id of a state: names may hold anything, ids may not.
pub fn node_id(state: &str) -> String {
    let digest = hex::encode(Sha256::digest(state.as_bytes()));
    format!("n-{}", digest.chars().take(10).collect::<String>())
}

/// How a state stands, for people and screen readers.
pub fn node_title(state: &str, status: StateStatus) -> String {
    format!("{state}: {}", status.word())
}

/// A very large machine: its tree as text.
fn text_svg(text: &str) -> Markup {
    let lines: Vec<&str> = text.lines().collect();
    let height = lines.len().saturating_mul(18).saturating_add(20);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width="900" height=(height) font-family="monospace" font-size="13" {
            @for (number, line) in lines.iter().enumerate() {
                text x="10" y=(number.saturating_mul(18).saturating_add(24)) xml:space="preserve" { (line) }
            }
        }
    }
}

fn svg(plan: &Plan, look: &Look<'_>, style: Option<&str>) -> Markup {
    let (width, height) = (plan.width.ceil(), plan.height.ceil());
    html! {
        svg.machine xmlns="http://www.w3.org/2000/svg" width=(width) height=(height)
            viewBox=(format!("0 0 {width} {height}")) role="group" aria-label="State machine" {
            @if let Some(style) = style { style { (PreEscaped(style)) } }
            defs { (arrow("arrow")) (arrow("arrow-catch")) }
            @for (part, area) in plan.parts.iter().filter(|(part, _)| *part == Part::Frame) {
                (self::part(part, area, look))
            }
            @for line in &plan.lines { (path(line)) }
            @for (part, area) in plan.parts.iter().filter(|(part, _)| *part != Part::Frame) {
                (self::part(part, area, look))
            }
            @for line in &plan.lines { (label(line)) }
        }
    }
}

fn arrow(id: &str) -> Markup {
    html! {
        marker id=(id) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse" {
            path d="M0 .8 7.2 4 0 7.2z" {}
        }
    }
}

fn part(part: &Part, area: &Area, look: &Look<'_>) -> Markup {
    let (left, top) = (area.x - area.width / 2.0, area.y - area.height / 2.0);
    match part {
        Part::Start => html! { circle.start cx=(round(area.x)) cy=(round(area.y)) r="6" {} },
        Part::Join => html! { circle.join cx=(round(area.x)) cy=(round(area.y)) r="5" {} },
        Part::Frame => html! {
            rect.frame x=(round(left)) y=(round(top)) width=(round(area.width)) height=(round(area.height)) rx="10" {}
        },
        Part::State(state) => match look.link {
            Some(link) => html! { a href=(link(&state.name)) { (self::state(state, area, look.statuses)) } },
            None => self::state(state, area, look.statuses),
        },
    }
}

fn state(state: &OutlineState, area: &Area, statuses: &Statuses) -> Markup {
    let status = statuses.get(&state.name).copied().unwrap_or(StateStatus::Waiting);
    let (left, top) = (area.x - area.width / 2.0, area.y - area.height / 2.0);
    html! {
        g.state id=(node_id(&state.name)) data-s=(status.word()) role="img" aria-label=(node_title(&state.name, status)) {
            title { (node_title(&state.name, status)) @if let Some(comment) = &state.comment { "\n" (comment) } }
            rect.box x=(round(left)) y=(round(top)) width=(round(area.width)) height=(round(area.height)) rx="8" {}
            g transform=(format!("translate({} {})", round(left + 19.0), round(area.y))) { (marks()) }
            text.name x=(round(left + 36.0)) y=(round(area.y - 2.0)) { (state.name) }
            text.kind x=(round(left + 36.0)) y=(round(area.y + 12.5)) { (state.kind) }
        }
    }
}

/// One mark for each status, of which the style shows one: status is never told by colour alone.
fn marks() -> Markup {
    html! {
        circle.mark.m-waiting r="5.5" {}
        g.mark.m-running { circle.ring r="6.5" {} circle.dot r="3" {} }
        path.mark.m-succeeded d="M-5.5.5-1.8 4.2 5.8-4.4" {}
        path.mark.m-failed d="M-4.6-4.6 4.6 4.6M4.6-4.6-4.6 4.6" {}
        rect.mark.m-aborted x="-4.5" y="-4.5" width="9" height="9" rx="1" {}
        path.mark.m-caught d="M-5.5 2.5C-5.5-6 5-6 5 .8M1.6-2 5 1.6 7.6-2.6" {}
    }
}

fn path(line: &Line) -> Markup {
    let (class, marker) = match line.kind {
        TransitionKind::Catch => ("edge catch", "url(#arrow-catch)"),
        TransitionKind::Next | TransitionKind::Choice | TransitionKind::Default => ("edge", "url(#arrow)"),
    };
    let marker = line.has_arrow.then_some(marker);
    let shape = if line.is_square { turns(&line.points) } else { curve(&line.points) };
    html! { path class=(class) d=(shape) marker-end=[marker] {} }
}

fn label(line: &Line) -> Markup {
    let Some((full, shown, x, y)) = &line.label else { return html! {} };
    let class = if line.kind == TransitionKind::Catch { "label catch" } else { "label" };
    html! {
        text class=(class) x=(round(*x)) y=(round(*y + 4.0)) text-anchor="middle" {
            title { (full) } (shown)
        }
    }
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// A line through the middles between its points, bent at the points.
fn curve(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let [first, bends @ .., last] = points else { return path };
    let _ = write!(path, "M{} {}", round(first.0), round(first.1));
    for (bend, next) in bends.iter().zip(bends.iter().skip(1).chain([last])) {
        let middle = ((bend.0 + next.0) / 2.0, (bend.1 + next.1) / 2.0);
        let (x, y) = if next == last { *last } else { middle };
        let _ = write!(path, "Q{} {} {} {}", round(bend.0), round(bend.1), round(x), round(y));
    }
    if bends.is_empty() {
        let _ = write!(path, "L{} {}", round(last.0), round(last.1));
    }
    path
}

/// A line that is straight and turns at its points by a small arc.
fn turns(points: &[(f64, f64)]) -> String {
    const RADIUS: f64 = 6.0;
    let mut path = String::new();
    let [first, turns @ .., last] = points else { return path };
    let _ = write!(path, "M{} {}", round(first.0), round(first.1));
    let mut before = first;
    for (turn, next) in turns.iter().zip(turns.iter().skip(1).chain([last])) {
        let (from, to) = (toward(*turn, *before, RADIUS), toward(*turn, *next, RADIUS));
        let _ = write!(path, "L{} {}", round(from.0), round(from.1));
        let _ = write!(path, "Q{} {} {} {}", round(turn.0), round(turn.1), round(to.0), round(to.1));
        before = turn;
    }
    let _ = write!(path, "L{} {}", round(last.0), round(last.1));
    path
}

/// The point `distance` away from `from` on the way to `to`, at most half-way.
fn toward(from: (f64, f64), to: (f64, f64), distance: f64) -> (f64, f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let share = (distance / dx.hypot(dy).max(0.001)).min(0.5);
    (from.0 + dx * share, from.1 + dy * share)
}
