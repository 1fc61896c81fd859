//! What is wrong with a command line, as a failure that people and programs read. Parses nothing itself.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use shipway_control::config::nearest;

use crate::failure::Failure;

/// The failure that an error of the parser is: with the argument's name, and what to do.
pub fn failure(error: &clap::Error) -> Failure {
    if let Some(failure) = of_command(error) {
        return failure;
    }
    let text = error.to_string();
    let lines = || text.lines().map(str::trim);
    let message: Vec<&str> = lines().take_while(|line| !line.is_empty()).collect();
    let message = message.join(" ");
    let mut failure = Failure::usage(message.trim_start_matches("error: "));
    let tip = lines().find_map(|line| line.strip_prefix("tip: "));
    let usage = lines().find_map(|line| line.strip_prefix("Usage: "));
    if let Some(hint) = tip.or(usage) {
        failure = failure.hint(hint);
    }
    if let (Some(field), Some(first)) = (argument(error), failure.complaints.first_mut()) {
        first.field = Some(field);
    }
    failure
}

/// The failure of a command that is missing or not known: the parser would name commands that are hidden, or far off.
pub fn of_command(error: &clap::Error) -> Option<Failure> {
    let all = "`shipway --help` lists the commands";
    match error.kind() {
        ErrorKind::MissingSubcommand => Some(Failure::usage("which command?").hint(all)),
        ErrorKind::InvalidSubcommand => {
            let name = texts(error, ContextKind::InvalidSubcommand).into_iter().next()?;
            let known = texts(error, ContextKind::SuggestedSubcommand);
            let hint = match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => all.to_owned(),
            };
            Some(Failure::usage(format!("there is no command `{name}`")).hint(hint))
        }
        _ => None,
    }
}

/// The argument that is wrong, as it is written: `--reason <TEXT>`.
fn argument(error: &clap::Error) -> Option<String> {
    let names = texts(error, ContextKind::InvalidArg);
    (!names.is_empty()).then(|| names.join(", "))
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(line: &str, expected: &Expect) {
        let words = std::iter::once("shipway").chain(line.split_whitespace());
        let error = crate::cli::definition().try_get_matches_from(words).unwrap_err();
        let failure = failure(&error);
        expected.assert_eq(&serde_json::to_string(&failure.complaints).unwrap());
    }

    #[test]
    fn the_argument_that_is_wrong_is_named() {
        check(
            "lock break",
            &expect![[
                r#"[{"message":"the following required arguments were not provided: --reason <TEXT>","hint":"shipway lock break --reason <TEXT> [ENV]","field":"--reason <TEXT>"}]"#
            ]],
        );
        check(
            "history --limit 0",
            &expect![[
                r#"[{"message":"invalid value '0' for '--limit <COUNT>': 0 is not in 1..=500","field":"--limit <COUNT>"}]"#
            ]],
        );
        check(
            "history --lim 0",
            &expect![[
                r#"[{"message":"unexpected argument '--lim' found","hint":"a similar argument exists: '--limit'","field":"--lim"}]"#
            ]],
        );
        check(
            "status --server",
            &expect![[
                r#"[{"message":"a value is required for '--server <URL>' but none was supplied","field":"--server <URL>"}]"#
            ]],
        );
        check(
            "deploy a b",
            &expect![[
                r#"[{"message":"unexpected argument 'b' found","hint":"shipway deploy [OPTIONS] [ENV]","field":"b"}]"#
            ]],
        );
    }

    #[test]
    fn only_commands_that_are_near_and_shown_are_suggested() {
        check(
            "frob",
            &expect![[
                r#"[{"message":"there is no command `frob`","hint":"`shipway --help` lists the commands"}]"#
            ]],
        );
        check(
            "deplyo",
            &expect![[r#"[{"message":"there is no command `deplyo`","hint":"did you mean `deploy`?"}]"#]],
        );
        check(
            "lock shwo",
            &expect![[r#"[{"message":"there is no command `shwo`","hint":"did you mean `show`?"}]"#]],
        );
        check(
            "-v",
            &expect![[r#"[{"message":"which command?","hint":"`shipway --help` lists the commands"}]"#]],
        );
    }
}
