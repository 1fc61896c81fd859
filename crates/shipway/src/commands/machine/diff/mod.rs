//! `shipway machine diff`: what a change of a definition means, state by state.

mod compare;
mod states;
mod svg;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::compare::Difference;
use super::source::Source;
use crate::{context::Context, exit::Code, failure::Failure};

/// Compare two machines: states, transitions, fields
///
/// The order of fields does not matter, nor whether a definition is JSON or YAML. A state with
/// another name and the same content is a renamed one.
///
///     $ shipway machine diff old.asl.json new.asl.json
///     $ git show main:order.asl.json | shipway machine diff - order.asl.json
///     $ shipway machine diff old.asl.json new.asl.json -o change.svg
///
/// Exit code 0 if they are the same, 1 if not.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Diff {
    /// The definition as it was, in JSON or YAML; - reads stdin
    old: PathBuf,
    /// The definition as it is
    new: PathBuf,
    /// How the differences are written [default: by the ending of -o, else text]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reviewers
    Text,
    /// One JSON document
    Json,
    /// A picture of both, side by side
    Svg,
}

impl Diff {
    pub fn run(self, cx: &Context) -> Result<Code, Failure> {
        if self.old.as_os_str() == "-" && self.new.as_os_str() == "-" {
            return Err(Failure::usage("only one of the two can be stdin"));
        }
        let (old, new) = (open(&self.old)?, open(&self.new)?);
        let difference = Difference::between(&old.value, &new.value);
        let code = if difference.is_empty() { Code::Ok } else { Code::Failed };
        match self.format(cx) {
            Format::Json => self.write(cx, &format!("{:#}\n", text::document(&difference, code)))?,
            Format::Svg => {
                let outlines = (old.checked()?.outline(), new.checked()?.outline());
                let drawn = svg::svg(&difference, (&old.name, &outlines.0), (&new.name, &outlines.1));
                self.write(cx, &drawn)?;
            }
            Format::Text if !difference.is_empty() => {
                self.write(cx, &text::text(&difference, cx.out.data()))?;
                cx.out.say(&text::summary(&difference));
            }
            Format::Text => cx.out.say("the machines are the same"),
        }
        Ok(code)
    }

    fn format(&self, cx: &Context) -> Format {
        let ending = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        self.format.unwrap_or(match ending {
            Some("svg") => Format::Svg,
            Some("json") => Format::Json,
            _ if cx.out.is_json() => Format::Json,
            _ => Format::Text,
        })
    }

    fn write(&self, cx: &Context, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.output else { return cx.out.text(text) };
        super::write(path, text)?;
        cx.out.say(&format!("wrote {}", path.display()));
        Ok(())
    }
}

/// A definition that has states; it need not be valid otherwise, so that a fault can be looked at.
fn open(file: &std::path::Path) -> Result<Source, Failure> {
    let source = Source::open(file)?;
    match source.value.get("States") {
        Some(states) if states.is_object() => Ok(source),
        _ => Err(Failure::usage(format!("{}: there are no `States`", source.place("")))
            .hint(format!("`shipway machine lint {}` says all that is wrong", source.name))),
    }
}

#[cfg(test)]
mod tests;
