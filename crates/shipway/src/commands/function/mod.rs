//! `shipway function`: users' Lambda code in processes of this machine.

mod code;
mod run;
mod show;
mod watch;

use clap::{Parser, Subcommand};
use shipway_control::function::FunctionStatus;
use shipway_server::wire::{FunctionRequest, RemoveRequest};

use self::code::Code as FunctionCode;
use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, local};

/// Run Lambda functions on this machine
///
/// The server starts the code in processes of its own, without a container, and keeps them warm.
/// State machines that name the function by its ARN run it, and so do clients of Lambda's API.
///
///     $ shipway function run greet --runtime python --handler app.handler --directory .
///     $ shipway function invoke greet '{"name": "Ada"}'
#[derive(Debug, Parser)]
#[command(name = "function", verbatim_doc_comment)]
pub struct Function {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Run),
    Register(Register),
    List(List),
    Describe(Describe),
    Logs(show::Logs),
    Invoke(show::Invoke),
    Remove(Remove),
}

/// Keep a function, in place of one of the same name
///
/// It stays when the server is started again. Calls that come from now on run in new processes, so
/// register again when the code has changed.
///
///     $ shipway function register greet --runtime python --handler app.handler --directory ./greet
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct Register {
    /// Its name
    name: String,
    #[command(flatten)]
    code: FunctionCode,
}

/// Show the functions
///
///     $ shipway function list
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct List {}

/// Show one function; of its variables the names only
///
///     $ shipway function describe greet
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct Describe {
    /// Its name
    name: String,
}

/// Forget a function and its log; calls under way end first
///
///     $ shipway function remove greet
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct Remove {
    /// Its name
    name: String,
}

impl Command for Function {
    const GROUP: Option<Group> = Some(Group::Serve);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        match self.verb {
            Verb::Run(run) => return run.run(cx).await,
            Verb::Logs(logs) => return logs.run(cx).await,
            Verb::Invoke(invoke) => return invoke.run(cx).await,
            Verb::Register(register) => {
                let settings = register.code.settings()?;
                let request = FunctionRequest { settings, is_leased: false, actor: cx.actor() };
                let function = local::expect(cx).await?.register_function(&register.name, &request).await?;
                told(cx, &function, "registered")?;
            }
            Verb::List(List {}) => show::all(cx, &local::expect(cx).await?.functions().await?)?,
            Verb::Describe(describe) => {
                show::one(cx, &local::expect(cx).await?.function(&describe.name).await?)?;
            }
            Verb::Remove(remove) => {
                let request = RemoveRequest { revision: None, actor: cx.actor() };
                let function = local::expect(cx).await?.remove_function(&remove.name, &request).await?;
                told(cx, &function, "removed")?;
            }
        }
        Ok(Code::Ok)
    }
}

fn told(cx: &Context, function: &FunctionStatus, what: &str) -> Result<(), Failure> {
    match cx.out.is_json() {
        true => cx.out.json(function),
        false => cx.out.text(&format!("{} is {what}\n", function.name)),
    }
}
