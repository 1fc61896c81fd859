//! How a deployment ended, in a few lines: outcome, times, and on failure what to do. Pure.

use shipway_control::app::{Deployment, Outcome, Step};

use super::block;
use crate::{
    output::{BOLD, GREEN, GREY, Paint, RED},
    words::{clean, span},
};

/// Characters of a cause.
const CAUSE_CHARS: usize = 600;

/// The end of a deployment, for people.
pub fn summary(ended: &Deployment, steps: &[Step], page: &str, paint: Paint) -> String {
    let release = &ended.release;
    let name = format!("{}/{} {}", release.project_name, release.config_name, release.version);
    let took = span(ended.ended_at.unwrap_or(ended.started_at).millis_since(ended.started_at));
    let waited: u64 = steps.iter().map(|step| step.waited_millis).sum();
    let mut text = format!("{} {} in {took}", block::outcome(ended.outcome, paint), paint.paint(BOLD, &name));
    if waited > 0 {
        text.push_str(&paint.paint(GREY, &format!(" ({} of it waiting for the service)", span(waited))));
    }
    text.push('\n');
    if ended.outcome == Outcome::Succeeded {
        if let Some(previous) =
            ended.previous_version.as_ref().filter(|previous| **previous != release.version)
        {
            text.push_str(&format!("  {previous} -> {}\n", release.version));
        }
    } else {
        text.push_str(&what_failed(ended, paint));
    }
    text.push_str(&format!("  {page}\n"));
    text
}

fn what_failed(ended: &Deployment, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(error) = &ended.error {
        let cause = clean(&error.cause, CAUSE_CHARS);
        text.push_str(&format!("  {} in {}: {cause}\n", paint.paint(RED, &error.error), error.state));
        if let Some(hint) = &error.hint {
            text.push_str(&format!("  {} {hint}\n", paint.paint(GREEN, "hint:")));
        }
    }
    text.push_str(&match &ended.previous_version {
        Some(version) if ended.outcome != Outcome::FailedDirty => format!("  {version} serves as before\n"),
        _ => String::new(),
    });
    text.push_str(&format!("  more: shipway why {}\n", ended.id));
    text
}
