//! `shipway machine render`: a machine as a picture, as text, or in the languages of other drawing tools.

use std::{fmt::Write, path::PathBuf};

use clap::{Args, ValueEnum};
use shipway_asl::{Outline, OutlineState, OutlineTransition, TransitionKind};
use shipway_server::{Statuses, render_svg, render_text};

use super::source::Source;
use crate::{context::Context, exit::Code, failure::Failure, words::clean};

/// Characters of a transition's label that are drawn.
const LABEL_CHARS_MAX: usize = 60;
/// Nesting that is drawn.
const DEPTH_MAX: usize = 32;

/// Draw a machine as text, SVG, Mermaid or DOT
///
/// The SVG stands alone: it follows the light or dark style of who looks at it, and has no
/// script. GitHub shows Mermaid in Markdown.
///
///     $ shipway machine render order.asl.json
///     $ shipway machine render order.asl.json -o order.svg
///     $ shipway machine render order.asl.json --format mermaid
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Render {
    /// The definition in JSON or YAML; - reads stdin
    file: PathBuf,
    /// How it is drawn [default: by the ending of -o, else text]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree with arrows, for terminals
    Text,
    /// A picture
    Svg,
    /// A state diagram for Mermaid
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

impl Render {
    pub fn run(self, cx: &Context) -> Result<Code, Failure> {
        let outline = Source::open(&self.file)?.checked()?.outline();
        let drawn = match self.format() {
            Format::Text => render_text(&outline),
            Format::Svg => render_svg(&outline, &Statuses::new()),
            Format::Mermaid => mermaid(&outline),
            Format::Dot => dot(&outline),
        };
        match &self.output {
            None if cx.out.is_json() => cx.out.json(&outline)?,
            None => cx.out.text(&drawn)?,
            Some(path) => {
                super::write(path, &drawn)?;
                cx.out.say(&format!("wrote {}", path.display()));
            }
        }
        Ok(Code::Ok)
    }

    fn format(&self) -> Format {
        let ending = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        self.format.unwrap_or(match ending {
            Some("svg") => Format::Svg,
            Some("mmd" | "mermaid") => Format::Mermaid,
            Some("dot" | "gv") => Format::Dot,
            _ => Format::Text,
        })
    }
}

/// Names of states may hold anything, ids may not: states are numbered in the order of the document.
struct Ids(Vec<String>);

impl Ids {
    fn new(outline: &Outline) -> Self {
        let mut names = Vec::new();
        collect(outline, &mut names);
        Self(names)
    }

    fn of(&self, name: &str) -> String {
        let place = self.0.iter().position(|other| other == name).unwrap_or(self.0.len());
        format!("s{place}")
    }
}

fn collect(outline: &Outline, names: &mut Vec<String>) {
    for state in &outline.states {
        names.push(state.name.clone());
        state.branches.iter().for_each(|branch| collect(branch, names));
    }
}

fn label(transition: &OutlineTransition) -> String {
    let label = || clean(transition.label.as_deref().unwrap_or_default(), LABEL_CHARS_MAX);
    match transition.kind {
        TransitionKind::Next => String::new(),
        TransitionKind::Default => "otherwise".to_owned(),
        TransitionKind::Choice => label(),
        TransitionKind::Catch => format!("on {}", label()),
    }
}

fn is_end(state: &OutlineState) -> bool {
    state.transitions.iter().all(|transition| transition.kind == TransitionKind::Catch)
}

fn mermaid(outline: &Outline) -> String {
    let mut text = "stateDiagram-v2\n".to_owned();
    mermaid_scope(&mut text, outline, &Ids::new(outline), 1);
    text
}

fn mermaid_scope(text: &mut String, outline: &Outline, ids: &Ids, depth: usize) {
    let indent = "  ".repeat(depth);
    let plain = |text: &str| text.replace('"', "'").replace([':', ';', '#', '\n'], " ");
    for state in &outline.states {
        let id = ids.of(&state.name);
        let _ = writeln!(text, "{indent}state \"{}\" as {id}", plain(&state.name));
        if !state.branches.is_empty() && depth < DEPTH_MAX {
            let _ = writeln!(text, "{indent}state {id} {{");
            for (number, branch) in state.branches.iter().enumerate() {
                if number > 0 {
                    let _ = writeln!(text, "{indent}  --");
                }
                mermaid_scope(text, branch, ids, depth.saturating_add(1));
            }
            let _ = writeln!(text, "{indent}}}");
        }
    }
    let _ = writeln!(text, "{indent}[*] --> {}", ids.of(&outline.start_at));
    for state in &outline.states {
        for transition in &state.transitions {
            let label = plain(&label(transition));
            let label = if label.is_empty() { label } else { format!(" : {label}") };
            let _ = writeln!(text, "{indent}{} --> {}{label}", ids.of(&state.name), ids.of(&transition.to));
        }
        if is_end(state) {
            let _ = writeln!(text, "{indent}{} --> [*]", ids.of(&state.name));
        }
    }
}

fn dot(outline: &Outline) -> String {
    let mut text = "digraph machine {\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n".to_owned();
    dot_scope(&mut text, outline, &Ids::new(outline), "", 1);
    text.push_str("}\n");
    text
}

fn dot_scope(text: &mut String, outline: &Outline, ids: &Ids, above: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    let start = format!("start{above}");
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
    let _ = writeln!(text, "{indent}{start} [shape=point, label=\"\"];");
    let _ = writeln!(text, "{indent}{start} -> {};", ids.of(&outline.start_at));
    for state in &outline.states {
        let id = ids.of(&state.name);
        let end = if is_end(state) { ", peripheries=2" } else { "" };
        let _ = writeln!(text, "{indent}{id} [label=\"{}\\n{}\"{end}];", quoted(&state.name), state.kind);
        for (number, branch) in state.branches.iter().enumerate().filter(|_| depth < DEPTH_MAX) {
            let name = format!("_{id}_{number}");
            let _ = writeln!(text, "{indent}{id} -> start{name} [style=dotted];");
            let _ = writeln!(
                text,
                "{indent}subgraph cluster{name} {{\n{indent}  label=\"{}\";",
                quoted(&state.name)
            );
            dot_scope(text, branch, ids, &name, depth.saturating_add(1));
            let _ = writeln!(text, "{indent}}}");
        }
        for transition in &state.transitions {
            let style = if transition.kind == TransitionKind::Catch { ", style=dashed" } else { "" };
            let label = quoted(&label(transition));
            let _ = writeln!(text, "{indent}{id} -> {} [label=\"{label}\"{style}];", ids.of(&transition.to));
        }
    }
}
