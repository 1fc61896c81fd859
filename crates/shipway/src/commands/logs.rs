//! `shipway logs`: what a service's processes wrote.

use std::time::Duration;

use clap::Parser;
use shipway_control::host::{LogLine, LogPage};
use tokio::time::sleep;

use super::{Command, Group};
use crate::{
    api::Api,
    context::Context,
    exit::Code,
    failure::Failure,
    known, local,
    output::GREY,
    target::{self, Scope},
};

/// Time between two looks for new lines.
const LOOK: Duration = Duration::from_millis(500);

/// Show what a service's processes wrote
///
/// Of the release that serves, unless another is named. -f follows.
///
///     $ shipway logs web -f
#[derive(Debug, Parser)]
#[command(name = "logs", verbatim_doc_comment)]
pub struct Logs {
    /// The service [default: the only one]
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// The environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Go on showing new lines
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines, up to 10,000
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
    /// Only the process with this number
    #[arg(short, long, value_name = "NUMBER")]
    process: Option<u16>,
    /// Of this release: a version or an id
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
}

impl Command for Logs {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let scope = target::scope(self.environment.as_deref())?;
        let api = local::expect(cx).await?;
        known::named(&api, self.environment.as_deref(), &scope).await?;
        let service = self.service(&api, &scope).await?;
        let place = (scope.project.as_str(), scope.environment.as_str(), service.as_str());
        let mut page = api.logs(place, &self.query(None)).await?;
        show(cx, &page)?;
        if !self.follow {
            return Ok(Code::Ok);
        }
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(Code::Interrupted),
                () = sleep(LOOK) => {}
            }
            page = api.logs(place, &self.query(Some(&page.cursor))).await?;
            show(cx, &page)?;
        }
    }
}

impl Logs {
    fn query(&self, after: Option<&str>) -> Vec<(&'static str, String)> {
        let mut query = vec![("lines", self.lines.to_string())];
        query.extend(self.process.map(|process| ("process", process.to_string())));
        query.extend(self.release.clone().map(|release| ("release", release)));
        query.extend(after.map(|after| ("after", after.to_owned())));
        query
    }

    async fn service(&self, api: &Api, scope: &Scope) -> Result<String, Failure> {
        if let Some(service) = &self.service {
            return Ok(service.clone());
        }
        let services = api.services().await?.into_iter();
        let here = services
            .filter(|service| service.project == scope.project && service.environment == scope.environment);
        let names: Vec<String> = here.map(|service| service.service).collect();
        let place = format!("{}/{}", scope.project, scope.environment);
        match names.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Failure::failed(format!("nothing runs in `{place}`")).hint("shipway deploy")),
            _ => Err(Failure::usage(format!("`{place}` has several services"))
                .hint(format!("name one of {}", names.join(", ")))),
        }
    }
}

/// Writes lines to stdout.
pub fn show(cx: &Context, page: &LogPage) -> Result<(), Failure> {
    for line in &page.lines {
        if cx.out.is_json() {
            cx.out.json_line(line)?;
        } else {
            cx.out.text(&text(cx, line))?;
        }
    }
    Ok(())
}

/// What other programs wrote must not move the cursor.
fn text(cx: &Context, line: &LogLine) -> String {
    let head = format!("{} {}{}", line.time, line.process, if line.stream == "stderr" { "!" } else { " " });
    let text: String = line.text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    format!("{} {text}", cx.out.data().paint(GREY, &head))
}
