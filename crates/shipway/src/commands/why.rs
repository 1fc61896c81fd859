//! `shipway why`: the root cause of a failed deployment on one screen.

use clap::Parser;
use serde_json::Value;
use shipway_control::app::{Deployment, Outcome, Step};

use super::{Command, Group};
use crate::{
    api::Api,
    context::Context,
    exit::Code,
    failure::Failure,
    local,
    output::{BOLD, GREEN, GREY, Paint, RED},
    target,
    words::{clean, span},
};

/// Lines of the failed release's log.
const LOG_LINES: usize = 15;
/// Characters of a state's input.
const INPUT_CHARS: usize = 1_200;

/// Explain why a deployment failed
///
/// The failed state, its cause and evidence, the data it had, the last words of the new
/// processes, and what to do.
///
///     $ shipway why production
#[derive(Debug, Parser)]
#[command(name = "why", verbatim_doc_comment)]
pub struct Why {
    /// A deployment's id, or an environment
    #[arg(value_name = "ID|ENV")]
    target: Option<String>,
}

impl Command for Why {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::expect(cx).await?;
        let deployment = target::deployment(&api, self.target.as_deref()).await?;
        let steps = api.steps(&deployment.id).await?;
        let logs = last_words(&api, &deployment).await;
        if cx.out.is_json() {
            cx.out.json(&serde_json::json!({
                "deployment": deployment,
                "steps": steps,
                "logs": logs,
                "page": api.page(&deployment.id),
            }))?;
        } else {
            cx.out.text(&explain(&deployment, &steps, &logs, &api.page(&deployment.id), cx.out.data()))?;
        }
        Ok(Code::Ok)
    }
}

/// The last lines that each service of the release wrote.
async fn last_words(api: &Api, deployment: &Deployment) -> Vec<(String, Vec<String>)> {
    let release = &deployment.release;
    let mut words = Vec::new();
    if matches!(deployment.outcome, Outcome::Succeeded) {
        return words;
    }
    for service in release.services.keys() {
        let place = (release.project_name.as_str(), release.config_name.as_str(), service.as_str());
        let query = [("lines", LOG_LINES.to_string()), ("release", release.release_id.clone())];
        // A release that never started wrote nothing.
        let Ok(page) = api.logs(place, &query).await else { continue };
        let lines = page.lines.iter().map(|line| format!("{} {} {}", line.time, line.process, line.text));
        let lines: Vec<String> = lines.map(|line| clean(&line, 200)).collect();
        if !lines.is_empty() {
            words.push((service.clone(), lines));
        }
    }
    words
}

fn explain(
    deployment: &Deployment,
    steps: &[Step],
    logs: &[(String, Vec<String>)],
    page: &str,
    paint: Paint,
) -> String {
    let release = &deployment.release;
    let name = format!("{}/{} {}", release.project_name, release.config_name, release.version);
    let mut text = format!("{}  {:?}  {}\n", paint.paint(BOLD, &name), deployment.outcome, deployment.id);
    if let Some(stalled) = &deployment.stalled {
        text.push_str(&format!("\n{}\n", paint.paint(RED, &clean(stalled, 600))));
    }
    if let Some(by) = &deployment.lock_break {
        let (actor, reason) = (clean(&by.actor, 60), clean(&by.reason, 300));
        text.push_str(&format!("\nlock broken by {actor} at {}: {reason}\n", by.at));
    }
    match &deployment.error {
        Some(error) => {
            text.push_str(&format!("\nfailed in  {}\n", paint.paint(RED, &error.state)));
            text.push_str(&format!("error      {}\n", error.error));
            text.push_str(&format!("cause      {}\n", clean(&error.cause, 2_000)));
            if let Some(hint) = &error.hint {
                text.push_str(&format!("{}       {hint}\n", paint.paint(GREEN, "hint")));
            }
            text.push_str(&evidence(deployment));
            let failed = steps.iter().find(|step| step.state == error.state && step.error.is_some());
            if let Some(step) = failed {
                text.push_str(&format!("input      {}\n", paint.paint(GREY, &input(&step.input))));
            }
        }
        None if deployment.outcome == Outcome::Running => {
            text.push_str(&format!("\nruns, in {}\n", deployment.state.as_deref().unwrap_or("no state")));
            text.push_str(&evidence(deployment));
        }
        None => text.push_str("\nnothing failed\n"),
    }
    text.push_str(&format!("\nway        {}\n", way(steps)));
    for (service, lines) in logs {
        text.push_str(&format!("\nlast lines of {service} {}:\n", release.version));
        lines.iter().for_each(|line| text.push_str(&format!("  {}\n", paint.paint(GREY, line))));
    }
    text.push_str(&format!("\n{page}\n"));
    text
}

fn evidence(deployment: &Deployment) -> String {
    let services = deployment.services.iter();
    let lines = services.filter_map(|(name, progress)| {
        let evidence = progress.evidence.as_ref()?;
        Some(format!("evidence   {name}: {}\n", clean(evidence, 400)))
    });
    lines.collect()
}

fn input(input: &Value) -> String {
    clean(&input.to_string(), INPUT_CHARS)
}

/// States with their times, equal neighbours together: `Validate 2 ms > CheckHealthy x3 1.2 s`.
fn way(steps: &[Step]) -> String {
    let mut parts: Vec<(String, u64, u64)> = Vec::new();
    for step in steps.iter().filter(|step| !step.state.ends_with('?')) {
        let took = step.exited_at.unwrap_or(step.entered_at).millis_since(step.entered_at);
        match parts.last_mut() {
            Some((state, times, millis)) if *state == step.state => {
                *times = times.saturating_add(1);
                *millis = millis.saturating_add(took);
            }
            _ => parts.push((step.state.clone(), 1, took)),
        }
    }
    let words = parts.into_iter().map(|(state, times, millis)| match times {
        1 => format!("{state} {}", span(millis)),
        _ => format!("{state} x{times} {}", span(millis)),
    });
    words.collect::<Vec<_>>().join(" > ")
}

#[cfg(test)]
mod tests {
    use shipway_asl::Timestamp;
    use shipway_control::app::LockBreak;

    use super::*;
    use crate::output::{Output, Wishes};

    fn step(state: &str, from: i64, to: i64) -> Step {
        Step {
            state: state.to_owned(),
            entered_at: Timestamp(from),
            exited_at: Some(Timestamp(to)),
            waited_millis: 0,
            input: Value::Null,
            output: None,
            error: None,
        }
    }

    #[test]
    fn a_stand_still_and_a_broken_lock_are_told() {
        let paint = Output::new(Wishes { is_plain: true, ..Wishes::default() }).data();
        let mut deployment = crate::sample::deployment();
        deployment.stalled = Some("it stands still: disk is full".to_owned());
        let (actor, reason) = ("bo".to_owned(), "stopped by hand".to_owned());
        deployment.lock_break = Some(LockBreak { actor, reason, at: Timestamp(0) });
        let text = explain(&deployment, &[], &[], "page", paint);
        assert!(text.contains("\nit stands still: disk is full\n"), "{text}");
        let told = "\nlock broken by bo at 1970-01-01T00:00:00.000Z: stopped by hand\n";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn the_way_is_short() {
        let steps = [
            step("Validate", 0, 2),
            step("CheckHealthy", 2, 500),
            step("Healthy?", 500, 500),
            step("CheckHealthy", 500, 1_300),
            step("Shift", 1_300, 1_310),
        ];
        assert_eq!(way(&steps), "Validate 2 ms > CheckHealthy x2 1.2 s > Shift 10 ms");
    }
}
