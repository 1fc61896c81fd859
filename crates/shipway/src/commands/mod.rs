//! The registry of commands: a new command is one file and one line here.

mod completions;
mod demo;
mod demo_service;
mod deploy;
mod down;
mod edge;
mod function;
mod halt;
mod history;
mod init;
mod key;
mod lock;
mod logs;
mod machine;
mod releases;
mod rollback;
mod schema;
mod serve;
mod status;
mod watch;
mod why;

pub use self::{deploy::hand_over, down::stop_all};

use std::{future::Future, pin::Pin};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::{context::Context, exit::Code, failure::Failure};

/// What the help shows together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// From commit to production.
    Ship,
    /// Look, stop, undo.
    Operate,
    /// The server.
    Serve,
    /// Everything else.
    Tools,
}

/// The groups in the order of the help.
pub const GROUPS: &[Group] = &[Group::Ship, Group::Operate, Group::Serve, Group::Tools];

impl Group {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ship => "Ship",
            Self::Operate => "Operate",
            Self::Serve => "Serve",
            Self::Tools => "Tools",
        }
    }
}

/// A command's way to its end.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Code, Failure>> + 'a>>;

/// A command of the registry.
pub struct Entry {
    /// Where the help shows it; none hides it.
    pub group: Option<Group>,
    /// Its arguments and help.
    pub define: fn() -> clap::Command,
    /// Runs it.
    pub run: for<'a> fn(&'a Context, &'a ArgMatches) -> Running<'a>,
}

/// A command: its fields are its arguments, its doc comment is its help.
trait Command: CommandFactory + FromArgMatches {
    const GROUP: Option<Group>;
    async fn run(self, cx: &Context) -> Result<Code, Failure>;
}

const fn entry<C: Command>() -> Entry {
    Entry { group: C::GROUP, define: C::command, run: parse_and_run::<C> }
}

fn parse_and_run<'a, C: Command>(cx: &'a Context, matches: &'a ArgMatches) -> Running<'a> {
    Box::pin(async move {
        let command = C::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
        command.run(cx).await
    })
}

/// All commands, in the order of the help.
pub const COMMANDS: &[Entry] = &[
    entry::<deploy::Deploy>(),
    entry::<rollback::Rollback>(),
    entry::<halt::Halt>(),
    entry::<watch::Watch>(),
    entry::<status::Status>(),
    entry::<history::History>(),
    entry::<why::Why>(),
    entry::<logs::Logs>(),
    entry::<releases::Releases>(),
    entry::<lock::Lock>(),
    entry::<serve::Serve>(),
    entry::<key::Key>(),
    entry::<function::Function>(),
    entry::<down::Down>(),
    entry::<demo::Demo>(),
    entry::<init::Init>(),
    entry::<schema::Schema>(),
    entry::<machine::Machine>(),
    entry::<completions::Completions>(),
    entry::<edge::Edge>(),
    entry::<demo_service::DemoService>(),
];
