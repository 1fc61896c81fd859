//! The worked example of docs/machine.md is run as it stands there: its files are written, its commands run, and
//! what they say is what the page says.

use expect_test::expect_file;

use crate::rig::World;

const PAGE: &str = include_str!("../../../../docs/machine.md");
/// Stands before a block that is a file.
const FILE: &str = "<!-- file: ";

#[test]
fn the_guide_to_machines_is_true() {
    expect_file!["../../../../docs/machine.md"].assert_eq(&again(&World::new(), PAGE));
}

/// The page as its files and commands make it now.
pub fn again(world: &World, given: &str) -> String {
    let (mut page, mut lines) = (String::new(), given.lines());
    let mut file: Option<&str> = None;
    while let Some(line) = lines.next() {
        page.push_str(line);
        page.push('\n');
        if let Some(name) = line.strip_prefix(FILE) {
            file = name.strip_suffix(" -->");
        } else if let Some(language) = line.strip_prefix("```").filter(|language| !language.is_empty()) {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match (language, file.take()) {
                ("console", _) => page.push_str(&replayed(world, &block)),
                (_, name) => {
                    let text: String = block.iter().flat_map(|line| [line, "\n"]).collect();
                    if let Some(name) = name {
                        world.write(name, &text);
                    }
                    page.push_str(&text);
                }
            }
            page.push_str("```\n");
        }
    }
    page
}

/// The commands of a block, each with what it says now.
fn replayed(world: &World, block: &[&str]) -> String {
    let mut text = String::new();
    for command in block.iter().filter_map(|line| line.strip_prefix("$ shipway ")) {
        let arguments = words(command);
        let ran = world.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        text.push_str(&format!("$ shipway {command}\n{}{}", ran.stdout, ran.stderr));
        if ran.code != 0 {
            text.push_str(&format!("(exit code {})\n", ran.code));
        }
    }
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The words of a command line; single quotes hold words together.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}
