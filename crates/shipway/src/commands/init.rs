//! `shipway init`: writes a first `shipway.toml` for what is in the directory. Overwrites nothing unless told to.

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use clap::Parser;
use shipway_control::{
    config::{Config, FILE_NAME},
    source::{detect, init_text},
};

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, target};

/// Write a shipway.toml for what is in this directory
///
/// Detects a Procfile, Cargo, package.json or Python application. The file is short; its
/// comments say what can be added.
///
///     $ shipway init
#[derive(Debug, Parser)]
#[command(name = "init", verbatim_doc_comment)]
pub struct Init {
    /// The project's directory [default: the current one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
    /// Print the file instead of writing it
    #[arg(long)]
    stdout: bool,
}

impl Command for Init {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let dir = match self.dir {
            Some(dir) => dir,
            None => target::current_dir()?,
        };
        if !dir.is_dir() {
            return Err(Failure::usage(format!("`{}` is not a directory", dir.display())));
        }
        let detected = detect(&dir);
        let text = init_text(&detected);
        if self.stdout {
            cx.out.text(&text)?;
            return Ok(Code::Ok);
        }
        let path = dir.join(FILE_NAME);
        write(&path, &text, self.force)?;
        detected.reasons.iter().for_each(|reason| cx.out.say(reason));
        cx.out.say(&format!("wrote {}", path.display()));
        if cx.out.is_json() {
            cx.out.json(&serde_json::json!({"file": path, "project": detected.project}))?;
        }
        match Config::load(&dir) {
            Ok(_) if detected.services.is_empty() => {
                cx.out
                    .warn("nothing was found that can be run; write what starts the service into `command`");
            }
            Ok(_) => cx.out.say(
                "next: git add shipway.toml && git commit -m \"feat: deploy with shipway\" && shipway deploy",
            ),
            Err(errors) => {
                cx.out.warn("the file needs a hand:");
                errors.iter().for_each(|error| cx.out.say(&format!("  {error}")));
            }
        }
        Ok(Code::Ok)
    }
}

fn write(path: &std::path::Path, text: &str, is_forced: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    if is_forced {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("`{}` is there already", path.display())).hint("--force overwrites it")
        }
        _ => Failure::of(format!("cannot write `{}`", path.display()), &error),
    })
}
