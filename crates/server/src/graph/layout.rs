//! Places a machine's states and transitions on a plane. Does not know how they look, only how large they are.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel,
    graph::{Graph, GraphOptions},
};
use shipway_asl::{Outline, OutlineState, OutlineTransition, TransitionKind};

use super::{STATES_MAX, lanes::route};

/// Height of a state.
pub const NODE_HEIGHT: f64 = 42.0;
/// Width of a character of a state's name.
const CHARACTER: f64 = 7.9;
/// Width of a character on an edge.
const LABEL_CHARACTER: f64 = 6.0;
/// Characters on an edge at most.
const LABEL_CHARS_MAX: usize = 26;
/// Width of the start and of a join.
const DOT: f64 = 16.0;
/// Key of the start; no state has it, since states' keys begin with `s`.
const START: &str = "start";

/// A box on the plane; `x` and `y` are its middle.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// What a box stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Where it begins.
    Start,
    /// A state.
    State(OutlineState),
    /// Where the branches of a Parallel or Map meet.
    Join,
    /// The frame around a Parallel or Map.
    Frame,
}

/// A line between boxes.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub points: Vec<(f64, f64)>,
    pub kind: TransitionKind,
    /// Whether it ends at a box, not at another line.
    pub has_arrow: bool,
    /// Whether it runs straight and turns at its points, instead of being bent by them.
    pub is_square: bool,
    /// Full text, and what is shown of it with its middle.
    pub label: Option<(String, String, f64, f64)>,
}

/// A machine on the plane; frames come first.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub width: f64,
    pub height: f64,
    pub parts: Vec<(Part, Area)>,
    pub lines: Vec<Line>,
}

/// Lays a machine out; none if it is too large, or the layout cannot do it.
pub fn plan(outline: &Outline) -> Option<Plan> {
    if count(outline) > STATES_MAX {
        return None;
    }
    let mut sketch = Sketch::default();
    sketch.part(START, Part::Start, None);
    sketch.outline(outline, None);
    sketch.edge(START, &state_key(&outline.start_at), TransitionKind::Next, None);
    // WHY: the layout is a large port of another program; a flaw of it must not take the page down.
    catch_unwind(AssertUnwindSafe(|| sketch.lay_out())).ok()
}

fn count(outline: &Outline) -> usize {
    let nested = outline.states.iter().flat_map(|state| &state.branches).map(count);
    nested.fold(outline.states.len(), usize::saturating_add)
}

fn state_key(name: &str) -> String {
    format!("s/{name}")
}

fn join_key(name: &str) -> String {
    format!("join/{name}")
}

/// Collects parts and edges before they are placed.
#[derive(Default)]
struct Sketch {
    parts: BTreeMap<String, (Part, Option<String>)>,
    order: Vec<String>,
    edges: Vec<(String, String, TransitionKind, Option<String>)>,
    /// Catches outside of frames: they run in lanes beside the rest, since there are many and they go far.
    catches: Vec<Catch>,
}

/// A catch that runs in a lane.
pub struct Catch {
    pub from: String,
    pub to: String,
    pub label: Option<String>,
}

impl Sketch {
    fn part(&mut self, key: &str, part: Part, parent: Option<&str>) {
        self.parts.insert(key.to_owned(), (part, parent.map(str::to_owned)));
        self.order.push(key.to_owned());
    }

    fn edge(&mut self, from: &str, to: &str, kind: TransitionKind, label: Option<&str>) {
        self.edges.push((from.to_owned(), to.to_owned(), kind, label.map(str::to_owned)));
    }

    fn outline(&mut self, outline: &Outline, parent: Option<&str>) {
        for state in &outline.states {
            self.state(state, parent);
        }
    }

    /// A state with branches is a frame around its own box, its branches, and a join from which it goes on:
    /// the layout wants no lines that end at a frame.
    fn state(&mut self, state: &OutlineState, parent: Option<&str>) {
        let key = state_key(&state.name);
        if state.branches.is_empty() {
            self.part(&key, Part::State(state.clone()), parent);
            return self.transitions(&key, &state.transitions, parent.is_none());
        }
        let (frame, join) = (format!("frame/{}", state.name), join_key(&state.name));
        self.part(&frame, Part::Frame, parent);
        self.part(&key, Part::State(state.clone()), Some(&frame));
        self.part(&join, Part::Join, Some(&frame));
        for branch in &state.branches {
            self.outline(branch, Some(&frame));
            self.edge(&key, &state_key(&branch.start_at), TransitionKind::Next, None);
            for end in branch.states.iter().filter(|state| is_end(state)) {
                let end_key =
                    if end.branches.is_empty() { state_key(&end.name) } else { join_key(&end.name) };
                self.edge(&end_key, &join, TransitionKind::Next, None);
            }
        }
        self.transitions(&join, &state.transitions, parent.is_none());
    }

    /// Transitions between the same two states are one line.
    fn transitions(&mut self, from: &str, transitions: &[OutlineTransition], has_lanes: bool) {
        let mut merged: Vec<(&str, TransitionKind, Vec<&str>)> = Vec::new();
        for transition in transitions {
            let label = match (transition.kind, transition.label.as_deref()) {
                // WHY: a dashed line means any error; only a chosen one is worth its place.
                (TransitionKind::Catch, Some("States.ALL")) => None,
                (TransitionKind::Default, None) => Some("default"),
                (_, label) => label,
            };
            let same = merged
                .iter_mut()
                .find(|(to, kind, _)| *to == transition.to && is_alike(*kind, transition.kind));
            match same {
                Some((_, _, labels)) => labels.extend(label),
                None => merged.push((&transition.to, transition.kind, label.into_iter().collect())),
            }
        }
        for (to, kind, labels) in merged {
            let label = (!labels.is_empty()).then(|| labels.join(", "));
            if has_lanes && kind == TransitionKind::Catch {
                self.catches.push(Catch { from: from.to_owned(), to: state_key(to), label });
            } else {
                self.edge(from, &state_key(to), kind, label.as_deref());
            }
        }
    }

    /// The catches that place what only catches lead to: the last one to each, so that it stands below.
    fn props(&self) -> Vec<(&str, &str)> {
        let is_led_to = |to: &str| self.edges.iter().any(|(_, target, ..)| target == to);
        let mut props: BTreeMap<&str, &str> = BTreeMap::new();
        for catch in self.catches.iter().filter(|catch| !is_led_to(&catch.to) && catch.from != catch.to) {
            props.insert(&catch.to, &catch.from);
        }
        props.into_iter().map(|(to, from)| (from, to)).collect()
    }

    fn lay_out(&self) -> Plan {
        let mut graph =
            Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: true });
        for key in &self.order {
            let Some((part, parent)) = self.parts.get(key) else { continue };
            let (width, height) = size(part);
            graph.set_node(key.clone(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
            if let Some(parent) = parent {
                graph.set_parent(key, Some(parent));
            }
        }
        for (number, (from, to, kind, label)) in self.edges.iter().enumerate() {
            if self.parts.contains_key(from) && self.parts.contains_key(to) {
                graph.set_edge(
                    from.clone(),
                    to.clone(),
                    Some(edge(*kind, label.as_deref())),
                    Some(&number.to_string()),
                );
            }
        }
        for (from, to) in self.props() {
            if self.parts.contains_key(from) && self.parts.contains_key(to) {
                graph.set_edge(from, to, Some(edge(TransitionKind::Catch, None)), Some("prop"));
            }
        }
        let options =
            LayoutOptions { nodesep: 36.0, ranksep: 40.0, edgesep: 16.0, ..LayoutOptions::default() };
        dagre::layout(&mut graph, Some(options));
        self.read(&graph)
    }

    fn read(&self, graph: &Graph<NodeLabel, EdgeLabel>) -> Plan {
        let placed = |key: &String| {
            let (part, _) = self.parts.get(key)?;
            let node = graph.node(key)?;
            Some((part.clone(), Area { x: node.x?, y: node.y?, width: node.width, height: node.height }))
        };
        let lines = self.edges.iter().enumerate().filter_map(|(number, (from, to, kind, label))| {
            line(graph.edge(from, to, Some(&number.to_string()))?, *kind, label.as_deref())
        });
        let mut lines: Vec<Line> = lines.collect();
        let areas: BTreeMap<&str, Area> =
            self.order.iter().filter_map(|key| Some((key.as_str(), placed(key)?.1))).collect();
        let right = lines.iter().flat_map(|line| &line.points).map(|point| point.0);
        let right = areas.values().map(|area| area.x + area.width / 2.0).chain(right).fold(0.0, f64::max);
        lines.extend(route(&self.catches, &areas, right));
        let mut parts: Vec<(Part, Area)> = self.order.iter().filter_map(placed).collect();
        parts.sort_by_key(|(part, _)| *part != Part::Frame);
        fit(parts, lines)
    }
}

fn is_end(state: &OutlineState) -> bool {
    let goes_on =
        |kind| matches!(kind, TransitionKind::Next | TransitionKind::Choice | TransitionKind::Default);
    state.kind != "Fail" && !state.transitions.iter().any(|transition| goes_on(transition.kind))
}

fn is_alike(a: TransitionKind, b: TransitionKind) -> bool {
    (a == TransitionKind::Catch) == (b == TransitionKind::Catch)
}

fn size(part: &Part) -> (f64, f64) {
    match part {
        Part::Start | Part::Join => (DOT, DOT),
        Part::Frame => (0.0, 0.0),
        Part::State(state) => ((width(&state.name, CHARACTER) + 52.0).max(112.0), NODE_HEIGHT),
    }
}

fn width(text: &str, character: f64) -> f64 {
    f64::from(u16::try_from(text.chars().count()).unwrap_or(u16::MAX)) * character
}

/// A label as it is shown.
pub fn shorten(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS_MAX {
        return label.to_owned();
    }
    let start: String = label.chars().take(LABEL_CHARS_MAX.saturating_sub(1)).collect();
    format!("{start}…")
}

fn edge(kind: TransitionKind, label: Option<&str>) -> EdgeLabel {
    let is_catch = kind == TransitionKind::Catch;
    let label = label.map(shorten);
    EdgeLabel {
        weight: if is_catch { 0 } else { 20 },
        width: label.as_deref().map_or(0.0, |label| width(label, LABEL_CHARACTER) + 8.0),
        height: if label.is_some() { 16.0 } else { 0.0 },
        labelpos: dagre::layout::types::LabelPos::Center,
        ..EdgeLabel::default()
    }
}

fn line(edge: &EdgeLabel, kind: TransitionKind, label: Option<&str>) -> Option<Line> {
    let points: Vec<(f64, f64)> = edge.points.iter().map(|point| (point.x, point.y)).collect();
    let label = label.and_then(|label| Some((label.to_owned(), shorten(label), edge.x?, edge.y?)));
    (points.len() >= 2).then_some(Line { points, kind, has_arrow: true, is_square: false, label })
}

/// Width of a label as it is shown.
pub fn label_width(shown: &str) -> f64 {
    width(shown, LABEL_CHARACTER)
}

/// Moves everything so that it begins at a margin, and measures it.
fn fit(mut parts: Vec<(Part, Area)>, mut lines: Vec<Line>) -> Plan {
    const MARGIN: f64 = 10.0;
    let (mut left, mut top, mut right, mut bottom) = (f64::MAX, f64::MAX, 0.0_f64, 0.0_f64);
    let mut see = |x: f64, y: f64, half_width: f64, half_height: f64| {
        (left, right) = (left.min(x - half_width), right.max(x + half_width));
        (top, bottom) = (top.min(y - half_height), bottom.max(y + half_height));
    };
    for (_, area) in &parts {
        see(area.x, area.y, area.width / 2.0, area.height / 2.0);
    }
    for line in &lines {
        line.points.iter().for_each(|(x, y)| see(*x, *y, 0.0, 0.0));
        if let Some((_, shown, x, y)) = &line.label {
            see(*x, *y, width(shown, LABEL_CHARACTER) / 2.0 + 4.0, 8.0);
        }
    }
    let (dx, dy) = (MARGIN - left, MARGIN - top);
    for (_, area) in &mut parts {
        (area.x, area.y) = (area.x + dx, area.y + dy);
    }
    for line in &mut lines {
        line.points.iter_mut().for_each(|point| *point = (point.0 + dx, point.1 + dy));
        if let Some((_, _, x, y)) = &mut line.label {
            (*x, *y) = (*x + dx, *y + dy);
        }
    }
    Plan { width: right + dx + MARGIN, height: bottom + dy + MARGIN, parts, lines }
}
