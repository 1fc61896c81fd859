//! The command line: parses it, runs the command, ends the process. Help is made from the registry of commands.

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgMatches, Args as _, FromArgMatches as _, error::ErrorKind};

use crate::{
    commands::{COMMANDS, Entry, GROUPS},
    context::{Context, Globals},
    exit::Code,
    failure::Failure,
    output::{Output, Wishes},
    usage,
};

const TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}";

const ABOUT: &str = "Takes a commit to production, and can prove that it did so safely.";

/// Parses the process's arguments, runs the command, and gives its exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let code = match definition().try_get_matches_from(&arguments) {
        Ok(matches) => run(&matches),
        Err(error) => refuse(&error, &arguments),
    };
    ExitCode::from(code.number())
}

/// The whole command line.
pub fn definition() -> clap::Command {
    let root = clap::Command::new("shipway")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .help_template(TEMPLATE)
        .after_help(groups())
        .after_long_help(format!("{}{}", groups(), exit_codes()))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(100);
    let root = Globals::augment_args(root);
    COMMANDS.iter().fold(root, |root, entry| root.subcommand((entry.define)().hide(entry.group.is_none())))
}

/// The commands by group, one line each.
fn groups() -> String {
    let mut text = String::new();
    for group in GROUPS {
        text.push_str(&format!("{}:\n", group.title()));
        for entry in COMMANDS.iter().filter(|entry| entry.group == Some(*group)) {
            let command = (entry.define)();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {:<12} {about}\n", command.get_name()));
        }
        text.push('\n');
    }
    text.push_str("`shipway COMMAND --help` says more, with an example.\n");
    text
}

fn exit_codes() -> String {
    let mut text = "\nExit codes:\n".to_owned();
    for code in crate::exit::ALL {
        text.push_str(&format!("  {:<4} {}\n", code.number(), code.meaning()));
    }
    text
}

fn run(matches: &ArgMatches) -> Code {
    let globals = Globals::from_arg_matches(matches).unwrap_or_default();
    let wishes = Wishes { is_json: globals.json, is_plain: globals.no_color, ..Wishes::default() };
    let cx = match Context::new(globals) {
        Ok(cx) => cx,
        Err(failure) => return end(&Output::new(wishes), Err(failure)),
    };
    let found = matches.subcommand().and_then(|(name, matches)| Some((entry(name)?, matches)));
    let Some((entry, matches)) = found else {
        return end(&cx.out, Err(Failure::usage("there is no such command")));
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(&cx.out, Err(Failure::of("cannot start the runtime", &error))),
    };
    let result = runtime.block_on((entry.run)(&cx, matches));
    // WHY: a thread that still reads a slow file must not hold the process.
    runtime.shutdown_background();
    end(&cx.out, result)
}

fn entry(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| (entry.define)().get_name() == name)
}

fn end(out: &Output, result: Result<Code, Failure>) -> Code {
    match result {
        Ok(code) => {
            out.clear();
            code
        }
        Err(failure) => {
            out.fail(&failure);
            failure.code
        }
    }
}

/// Help and version are not errors.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Code {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let is_json = arguments.iter().any(|argument| argument == "--json");
    if is_help {
        // A closed pipe is not worth a word.
        let _ = error.print();
        return Code::Ok;
    }
    let out = Output::new(Wishes { is_json, ..Wishes::default() });
    match usage::of_command(error) {
        None if !is_json => {
            let _ = error.print();
            Code::Usage
        }
        failure => end(&out, Err(failure.unwrap_or_else(|| usage::failure(error)))),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    fn help(command: &mut clap::Command, path: &str, text: &mut String) {
        text.push_str(&format!("$ {path} --help\n{}\n", command.render_long_help()));
        let mut children: Vec<clap::Command> = command.get_subcommands().cloned().collect();
        for child in &mut children {
            let path = format!("{path} {}", child.get_name());
            help(child, &path, text);
        }
    }

    fn built() -> clap::Command {
        let mut root = definition().term_width(100);
        root.build();
        root
    }

    fn trimmed(text: &str) -> String {
        text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        definition().debug_assert();
    }

    #[test]
    fn the_whole_help_is_known() {
        let mut text = String::new();
        help(&mut built(), "shipway", &mut text);
        expect_file!["../tests/it/help.txt"].assert_eq(&trimmed(&text));
    }

    #[test]
    fn each_visible_command_has_an_example() {
        for entry in COMMANDS.iter().filter(|entry| entry.group.is_some()) {
            let command = (entry.define)();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.contains('\n'), "{}", command.get_name());
            let example = format!("$ shipway {}", command.get_name());
            assert!(long.contains(&example), "`{}` has no example", command.get_name());
        }
    }

    #[test]
    fn names_are_unique_and_findable() {
        let mut names: Vec<String> =
            COMMANDS.iter().map(|entry| (entry.define)().get_name().to_owned()).collect();
        assert!(names.iter().all(|name| entry(name).is_some()));
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_page_of_the_command_line_is_true() {
        expect_file!["../../../docs/cli.md"].assert_eq(&page());
    }

    /// Commands that people do not call.
    fn own_processes() -> String {
        let mut text =
            "\n## Processes of Shipway's own\n\nThe server and the demo start these; people do not.\n\n"
                .to_owned();
        text.push_str("- `shipway keeper`: keep the processes of one service (started by `shipway serve`)\n");
        text.push_str("- `shipway exec`: become a service's process (started by `shipway keeper`)\n");
        text.push_str(
            "- `shipway function-process`: become a function's process (started by `shipway serve`)\n",
        );
        text.push_str("- `shipway function-guard`: kill what functions leave when the server is gone (started by `shipway serve`)\n");
        for entry in COMMANDS.iter().filter(|entry| entry.group.is_none()) {
            let command = (entry.define)();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(
                "- `shipway {}`: {}{}\n",
                command.get_name(),
                about[..1].to_lowercase(),
                &about[1..]
            ));
        }
        text
    }

    fn page() -> String {
        let mut text = format!("# The `shipway` command\n\n{ABOUT}\n\n");
        text.push_str(
            "This page is made from the command itself; `UPDATE_EXPECT=1` with its test writes it anew.\n\n",
        );
        text.push_str(
            "Data goes to stdout, talk to stderr. With `--json` both are JSON.\n\n## Exit codes\n\n",
        );
        text.push_str("| Exit code | `code` in JSON | Meaning |\n|---|---|---|\n");
        for code in crate::exit::ALL {
            text.push_str(&format!("| {} | `{}` | {} |\n", code.number(), code.name(), code.meaning()));
        }
        text.push_str(&own_processes());
        let root = built();
        for group in GROUPS {
            text.push_str(&format!("\n## {}\n", group.title()));
            for entry in COMMANDS.iter().filter(|entry| entry.group == Some(*group)) {
                let name = (entry.define)().get_name().to_owned();
                let mut command = root.find_subcommand(&name).cloned().unwrap();
                let help = trimmed(&command.render_long_help().to_string());
                text.push_str(&format!("\n### `shipway {name}`\n\n```text\n{help}```\n"));
                for child in command.get_subcommands() {
                    let help = trimmed(&child.clone().render_long_help().to_string());
                    let name = format!("{name} {}", child.get_name());
                    text.push_str(&format!("\n#### `shipway {name}`\n\n```text\n{help}```\n"));
                }
            }
        }
        text
    }
}
