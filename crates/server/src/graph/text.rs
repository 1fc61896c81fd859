//! A machine as an indented tree with arrows, for terminals and for machines that are too large to draw.

use std::fmt::Write;

use shipway_asl::{Outline, OutlineState, OutlineTransition, TransitionKind};

/// Levels of nesting that are shown.
const DEPTH_MAX: usize = 32;

/// States in the order of the document, each with where it goes.
pub fn render_text(outline: &Outline) -> String {
    let mut text = String::new();
    write_outline(&mut text, outline, 0);
    text
}

fn write_outline(text: &mut String, outline: &Outline, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(text, "{indent}● {}", outline.start_at);
    let widest = outline.states.iter().map(|state| state.name.chars().count()).max().unwrap_or(0);
    for state in &outline.states {
        write_state(text, state, depth, widest);
    }
}

fn write_state(text: &mut String, state: &OutlineState, depth: usize, widest: usize) {
    let indent = "  ".repeat(depth);
    let name = &state.name;
    let padding = " ".repeat(widest.saturating_sub(name.chars().count()));
    let end = if is_end(state) { "  ■" } else { "" };
    let _ = writeln!(text, "{indent}{name}{padding}  {}{end}", state.kind);
    let goes_on = |transition: &&OutlineTransition| transition.kind != TransitionKind::Catch;
    for transition in state.transitions.iter().filter(goes_on) {
        write_transition(text, transition, &indent);
    }
    for (number, branch) in state.branches.iter().enumerate() {
        let _ = match state.kind.as_str() {
            "Parallel" => writeln!(text, "{indent}  ┌ branch {}", number.saturating_add(1)),
            _ => writeln!(text, "{indent}  ┌ for each item"),
        };
        if depth < DEPTH_MAX {
            write_outline(text, branch, depth.saturating_add(2));
        }
    }
    for transition in state.transitions.iter().filter(|transition| !goes_on(transition)) {
        write_transition(text, transition, &indent);
    }
}

fn is_end(state: &OutlineState) -> bool {
    state.transitions.iter().all(|transition| transition.kind == TransitionKind::Catch)
}

fn write_transition(text: &mut String, transition: &OutlineTransition, indent: &str) {
    let to = &transition.to;
    let _ = match (transition.kind, &transition.label) {
        (TransitionKind::Catch, label) => {
            writeln!(text, "{indent}  ╌╌> {to}  on {}", label.as_deref().unwrap_or("any error"))
        }
        (TransitionKind::Default, None) => writeln!(text, "{indent}  ──> {to}  otherwise"),
        (_, Some(label)) => writeln!(text, "{indent}  ──> {to}  if {label}"),
        (_, None) => writeln!(text, "{indent}  ──> {to}"),
    };
}
