//! Where words go: data on stdout, talk on stderr. The only file that writes to either.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::Mutex,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;

/// Good.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Under way.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Bad.
pub const RED: Style = AnsiColor::Red.on_default();
/// Not yet, or less important.
pub const GREY: Style = AnsiColor::BrightBlack.on_default();
/// Names.
pub const BOLD: Style = Style::new().bold();

/// What the user wants to see, and how.
#[derive(Debug)]
pub struct Output {
    is_json: bool,
    is_quiet: bool,
    is_verbose: bool,
    data: Paint,
    talk: Paint,
    is_live: bool,
    /// Lines of the block that stands at the end of the terminal and is written over.
    block: Mutex<usize>,
}

/// Whether a stream shows colours.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// Whether styles are shown.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// The text in a style, where styles are shown.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// What the flags say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// `--json`.
    pub is_json: bool,
    /// `--quiet`.
    pub is_quiet: bool,
    /// `--verbose`.
    pub is_verbose: bool,
    /// `--no-color`.
    pub is_plain: bool,
}

impl Output {
    /// An output for this process's streams.
    pub fn new(wishes: Wishes) -> Self {
        let has_colour = |choice| !wishes.is_plain && choice != ColorChoice::Never;
        let is_live =
            io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            is_json: wishes.is_json,
            is_quiet: wishes.is_quiet,
            is_verbose: wishes.is_verbose,
            data: Paint(has_colour(AutoStream::choice(&io::stdout()))),
            talk: Paint(has_colour(AutoStream::choice(&io::stderr()))),
            is_live: is_live && !wishes.is_json && !wishes.is_quiet,
            block: Mutex::new(0),
        }
    }

    /// Whether `--json` was given.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether a block can be written over: stderr is a terminal.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Colours of stdout.
    pub fn data(&self) -> Paint {
        self.data
    }

    /// Colours of stderr.
    pub fn talk(&self) -> Paint {
        self.talk
    }

    /// Text on stdout, with a line end if it has none.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let mut stdout = io::stdout().lock();
        let written = write!(stdout, "{text}{end}").and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::closed_pipe(),
            _ => Failure::of("cannot write to stdout", &error),
        })
    }

    /// A document on stdout: indented for people who read `--json`.
    pub fn json(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document);
        self.text(&text.map_err(|error| Failure::of("cannot write JSON", &error))?)
    }

    /// A document on one line of stdout.
    pub fn json_line(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(document);
        self.text(&text.map_err(|error| Failure::of("cannot write JSON", &error))?)
    }

    /// A line of talk.
    pub fn say(&self, text: &str) {
        if !self.is_quiet {
            self.clear();
            to_stderr(&format!("{text}\n"));
        }
    }

    /// A line of talk for who asked for more.
    pub fn detail(&self, text: &str) {
        if self.is_verbose {
            self.say(&self.talk.paint(GREY, text));
        }
    }

    /// A warning: also shown to who wants quiet.
    pub fn warn(&self, text: &str) {
        self.clear();
        to_stderr(&format!("{} {text}\n", self.talk.paint(YELLOW, "warning:")));
    }

    /// Bytes of another program's output, as talk.
    pub fn pass_on(&self, bytes: &[u8]) {
        if !self.is_quiet && !self.is_json {
            self.clear();
            // There is nowhere to complain to.
            let _ = io::stderr().lock().write_all(bytes);
        }
    }

    /// Writes a block over the one before.
    pub fn block(&self, lines: &[String]) {
        if !self.is_live {
            return;
        }
        let mut height = self.block.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = erase(*height);
        // WHY: a line that is too long is cut by the terminal; if it were wrapped, the block would be higher than known.
        text.push_str("\x1b[?7l");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("\x1b[?7h");
        *height = lines.len();
        to_stderr(&text);
    }

    /// Takes the block away.
    pub fn clear(&self) {
        let mut height = self.block.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *height > 0 {
            to_stderr(&erase(*height));
            *height = 0;
        }
    }

    /// Says why a command failed.
    pub fn fail(&self, failure: &Failure) {
        self.clear();
        if failure.complaints.is_empty() {
            return;
        }
        if self.is_json {
            to_stderr(&format!("{}\n", serde_json::to_string(&failure.report()).unwrap_or_default()));
            return;
        }
        for complaint in &failure.complaints {
            to_stderr(&format!("{} {}\n", self.talk.paint(RED.bold(), "error:"), complaint.message));
            if let Some(hint) = &complaint.hint {
                to_stderr(&format!("{} {hint}\n", self.talk.paint(GREEN, "hint:")));
            }
        }
    }
}

/// Moves up over the block and clears to the end of the screen.
fn erase(height: usize) -> String {
    if height == 0 { String::new() } else { format!("\x1b[{height}F\x1b[0J") }
}

/// If stderr is closed there is nobody to tell.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
