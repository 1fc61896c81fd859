//! State machines as pictures: a laid-out graph for browsers and an indented tree for terminals.

mod lanes;
mod layout;
mod svg;
mod text;

pub use svg::{draw, draw_linked, node_id, node_title, render_svg};
pub use text::render_text;

/// States that are drawn; a larger machine is shown as text.
pub const STATES_MAX: usize = 400;
