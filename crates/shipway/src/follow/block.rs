//! The live block: how a deployment stands, in a few lines that are written over. Pure.

use anstyle::Style;
use shipway_asl::Timestamp;
use shipway_control::app::{Deployment, Outcome, Progress};

use super::duration;
use crate::{
    output::{BOLD, GREEN, GREY, Paint, RED, YELLOW},
    words::clean,
};

/// Dots of one service at most; more processes share them.
const DOTS_MAX: u16 = 64;
/// Characters of a line's last part, so that a line stays a line.
const EVIDENCE_CHARS: usize = 60;
/// Characters of why it stands still.
const STALLED_CHARS: usize = 160;

/// The block's lines.
pub(super) fn lines(deployment: &Deployment, now: Timestamp, paint: Paint) -> Vec<String> {
    let release = &deployment.release;
    let name = format!("{}/{} {}", release.project_name, release.config_name, release.version);
    let state = deployment.state.as_deref().unwrap_or("");
    let mut lines = vec![format!(
        "{} {} {} {}",
        outcome(deployment.outcome, paint),
        paint.paint(BOLD, &name),
        state,
        paint.paint(GREY, &duration(deployment, now)),
    )];
    if let Some(stalled) = &deployment.stalled {
        lines.push(format!("  {}", paint.paint(RED, &clean(stalled, STALLED_CHARS))));
    }
    if let Some(error) = &deployment.error {
        let text = clean(&format!("{}: {}", error.error, error.cause), EVIDENCE_CHARS);
        lines.push(format!("  {}", paint.paint(RED, &text)));
    }
    let width = deployment.services.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, progress) in &deployment.services {
        lines.push(service(name, width, progress, paint));
    }
    lines
}

fn service(name: &str, width: usize, progress: &Progress, paint: Paint) -> String {
    let evidence = progress.evidence.as_deref().unwrap_or_default();
    format!(
        "  {name:<width$}  {}  {}/{} healthy  {:>3} % traffic  {}",
        dots(progress, paint),
        progress.healthy,
        progress.wanted,
        progress.percent,
        paint.paint(GREY, &clean(evidence, EVIDENCE_CHARS)),
    )
}

/// The word for an outcome.
pub(super) fn outcome(outcome: Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Running => paint.paint(YELLOW, "running"),
        Outcome::Succeeded => paint.paint(GREEN, "succeeded"),
        Outcome::FailedClean => paint.paint(RED, "failed, rolled back"),
        Outcome::Halted => paint.paint(YELLOW, "halted, rolled back"),
        Outcome::FailedDirty => paint.paint(RED, "FAILED, NOT UNDONE"),
    }
}

/// One dot per process: healthy, starting, stopped, to come; a bar after as many as must be healthy.
fn dots(progress: &Progress, paint: Paint) -> String {
    let mut text = String::new();
    for place in 0..progress.wanted.min(DOTS_MAX) {
        let (style, dot) = dot(place, progress);
        text.push_str(&paint.paint(style, dot));
        if place.saturating_add(1) == progress.needed {
            text.push('|');
        }
    }
    text
}

/// Shapes differ too, for who sees no colours.
fn dot(place: u16, progress: &Progress) -> (Style, &'static str) {
    let healthy = progress.healthy;
    let starting = healthy.saturating_add(progress.starting);
    let stopped = starting.saturating_add(progress.stopped);
    match place {
        _ if place < healthy => (GREEN, "●"),
        _ if place < starting => (YELLOW, "◐"),
        _ if place < stopped => (RED, "✕"),
        _ => (GREY, "○"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Output, Wishes};

    fn plain(wanted: u16, needed: u16, [healthy, starting, stopped]: [u16; 3]) -> String {
        let progress = Progress { wanted, needed, healthy, starting, stopped, percent: 0, evidence: None };
        let out = Output::new(Wishes { is_plain: true, ..Wishes::default() });
        dots(&progress, out.data())
    }

    #[test]
    fn a_deployment_that_stands_still_says_so() {
        let paint = Output::new(Wishes { is_plain: true, ..Wishes::default() }).talk();
        let mut deployment = crate::sample::deployment();
        let shown = |deployment: &Deployment| lines(deployment, Timestamp(3_000), paint);
        assert_eq!(shown(&deployment), ["running shop/production 0.3.0 Bake 2.0 s"]);
        deployment.stalled = Some("it stands still: disk is full".to_owned());
        assert_eq!(shown(&deployment)[1..], ["  it stands still: disk is full"]);
    }

    #[test]
    fn dots_tell_how_a_service_stands() {
        let cases = [
            (4, 3, [0, 0, 0], "○○○|○"),
            (4, 3, [1, 2, 0], "●◐◐|○"),
            (4, 4, [2, 0, 1], "●●✕○|"),
            (2, 2, [2, 0, 0], "●●|"),
            (0, 0, [0, 0, 0], ""),
            (2, 1, [2, 5, 5], "●|●"),
        ];
        for (wanted, needed, counts, expected) in cases {
            assert_eq!(plain(wanted, needed, counts), expected);
        }
    }
}
