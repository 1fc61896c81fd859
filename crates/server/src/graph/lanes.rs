//! Routes catches in lanes beside the flow: one lane for each state that catches lead to, which all of them join.
//! Lines run in the gaps between ranks, so they cross no box.

use std::collections::BTreeMap;

use shipway_asl::TransitionKind;

use super::layout::{Area, Catch, Line, label_width, shorten};

/// Distance of the first lane from the flow, and of one lane from the next.
const LANE: f64 = 16.0;
/// How far below its box a line turns to its lane.
const LEAVE: f64 = 11.0;
/// How far above its box a lane turns to it.
const ARRIVE: f64 = 11.0;
/// Distance of a line's end from the right side of its box.
const INSET: f64 = 18.0;

/// Where a catch leaves.
struct Stub<'a> {
    x: f64,
    bottom: f64,
    y: f64,
    right: f64,
    label: Option<&'a str>,
}

/// A state and the catches that lead to it.
type Lane<'a> = (Area, Vec<Stub<'a>>);

/// The lines of catches; `right` is where the flow ends.
pub fn route(catches: &[Catch], areas: &BTreeMap<&str, Area>, right: f64) -> Vec<Line> {
    let mut lanes: Vec<Lane<'_>> = by_target(catches, areas).into_values().collect();
    // WHY: short lanes inside, long ones outside: they cross least.
    lanes.sort_by(|a, b| length(a).total_cmp(&length(b)));
    let labels = lanes.iter().flat_map(|(_, stubs)| stubs).filter_map(label_end);
    let mut x = labels.fold(right, f64::max);
    let mut lines = Vec::new();
    for (place, (target, stubs)) in lanes.iter().enumerate() {
        x += LANE;
        let shift = if place % 2 == 0 { 0.0 } else { 5.0 };
        lines.extend(stubs.iter().map(|stub| stub_line(stub, x)));
        lines.extend(trunk(target, stubs, x, shift));
    }
    lines
}

fn by_target<'a>(catches: &'a [Catch], areas: &BTreeMap<&str, Area>) -> BTreeMap<&'a str, Lane<'a>> {
    let mut lanes: BTreeMap<&str, Lane<'a>> = BTreeMap::new();
    let mut leaving: BTreeMap<&str, f64> = BTreeMap::new();
    for catch in catches {
        let (Some(from), Some(to)) = (areas.get(catch.from.as_str()), areas.get(catch.to.as_str())) else {
            continue;
        };
        let before = leaving.entry(&catch.from).or_default();
        let (right, bottom) = (from.x + from.width / 2.0, from.y + from.height / 2.0);
        let x = (right - INSET - *before * 10.0).max(from.x);
        let stub =
            Stub { x, bottom, y: bottom + LEAVE + *before * 12.0, right, label: catch.label.as_deref() };
        *before += 1.0;
        lanes.entry(&catch.to).or_insert_with(|| (to.clone(), Vec::new())).1.push(stub);
    }
    lanes
}

fn length((target, stubs): &Lane<'_>) -> f64 {
    stubs.iter().map(|stub| (target.y - stub.y).abs()).fold(0.0, f64::max)
}

fn label_place(stub: &Stub<'_>) -> Option<(String, f64)> {
    let shown = shorten(stub.label?);
    let middle = stub.right + 10.0 + label_width(&shown) / 2.0;
    Some((shown, middle))
}

fn label_end(stub: &Stub<'_>) -> Option<f64> {
    let (shown, middle) = label_place(stub)?;
    Some(middle + label_width(&shown) / 2.0)
}

fn line(points: Vec<(f64, f64)>, has_arrow: bool) -> Line {
    Line { points, kind: TransitionKind::Catch, has_arrow, is_square: true, label: None }
}

fn stub_line(stub: &Stub<'_>, lane: f64) -> Line {
    let label = label_place(stub).zip(stub.label);
    let label = label.map(|((shown, middle), full)| (full.to_owned(), shown, middle, stub.y));
    Line { label, ..line(vec![(stub.x, stub.bottom), (stub.x, stub.y), (lane, stub.y)], false) }
}

/// From the farthest catch along the lane to the box.
fn trunk(target: &Area, stubs: &[Stub<'_>], lane: f64, shift: f64) -> Vec<Line> {
    let top = target.y - target.height / 2.0;
    let turn = top - ARRIVE - shift;
    let x = (target.x + target.width / 2.0 - INSET).max(target.x);
    let ys = || stubs.iter().map(|stub| stub.y);
    let (first, last) = (ys().fold(f64::MAX, f64::min), ys().fold(f64::MIN, f64::max));
    let start = if first < turn { first } else { last };
    let mut lines = vec![line(vec![(lane, start), (lane, turn), (x, turn), (x, top)], true)];
    if first < turn && last > turn {
        lines.push(line(vec![(lane, last), (lane, turn)], false));
    }
    lines
}
