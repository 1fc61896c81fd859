//! Small pieces that pages share: times, spans, badges, links.

use maud::{Markup, html};
use shipway_asl::{Status, Timestamp};
use shipway_control::app::{Deployment, Outcome};

use crate::fold::StateStatus;

/// A point in time, in UTC, to the second.
pub fn time(at: Timestamp) -> Markup {
    let text = at.to_string();
    let (day, clock) = (text.get(..10).unwrap_or(&text), text.get(11..19).unwrap_or_default());
    html! { time datetime=(text) { span.day { (day) } " " (clock) } }
}

/// A point in time to the millisecond, without the day.
pub fn clock(at: Timestamp) -> Markup {
    let text = at.to_string();
    html! { time datetime=(text) title=(text) { (text.get(11..23).unwrap_or(&text)) } }
}

/// A point in time and how long ago that is.
pub fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { (time(at)) " " span.muted.ago { (age(now.millis_since(at))) } }
}

fn age(millis: u64) -> String {
    match millis / 1_000 {
        0..10 => "just now".to_owned(),
        seconds @ 10..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

/// A span of time in two units at most.
pub fn span(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1_000 / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A whole number with thin gaps between thousands.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A status as a badge: a mark, a word and a colour.
fn badge(class: &str, mark: &str, word: &str) -> Markup {
    html! { span.badge data-s=(class) { span.mark aria-hidden="true" { (mark) } (word) } }
}

/// How a deployment stands.
pub fn outcome(outcome: Outcome) -> Markup {
    match outcome {
        Outcome::Running => badge("running", "●", "Running"),
        Outcome::Succeeded => badge("succeeded", "✓", "Succeeded"),
        Outcome::FailedClean => badge("failed", "✕", "Failed, clean"),
        Outcome::FailedDirty => badge("dirty", "⚠", "Failed, dirty"),
        Outcome::Halted => badge("caught", "■", "Halted"),
    }
}

/// How an execution stands.
pub fn status(status: Status) -> Markup {
    match status {
        Status::Running => badge("running", "●", "Running"),
        Status::Succeeded => badge("succeeded", "✓", "Succeeded"),
        Status::Failed => badge("failed", "✕", "Failed"),
        Status::TimedOut => badge("failed", "◷", "Timed out"),
        Status::Aborted => badge("caught", "■", "Aborted"),
    }
}

/// A status by AWS's name.
pub fn word_status(name: &str) -> Markup {
    match name {
        "RUNNING" => status(Status::Running),
        "SUCCEEDED" => status(Status::Succeeded),
        "FAILED" => status(Status::Failed),
        "TIMED_OUT" => status(Status::TimedOut),
        "ABORTED" => status(Status::Aborted),
        "PENDING_REDRIVE" => badge("waiting", "○", "Pending redrive"),
        other => badge("waiting", "○", other),
    }
}

/// How a state stands.
pub fn state_status(status: StateStatus) -> Markup {
    match status {
        StateStatus::Waiting => badge("waiting", "○", "waiting"),
        StateStatus::Running => badge("running", "●", "running"),
        StateStatus::Succeeded => badge("succeeded", "✓", "succeeded"),
        StateStatus::Failed => badge("failed", "✕", "failed"),
        StateStatus::Caught => badge("caught", "↷", "caught"),
        StateStatus::Aborted => badge("aborted", "■", "aborted"),
    }
}

/// A commit, short.
pub fn commit(id: &str) -> Markup {
    html! { code title=(id) { (id.chars().take(7).collect::<String>()) } }
}

/// The version before and the new one.
pub fn versions(deployment: &Deployment) -> Markup {
    html! {
        span.versions {
            @if let Some(previous) = &deployment.previous_version {
                span.muted { (previous) } " " span.muted aria-label="to" { "→" } " "
            }
            strong { (deployment.release.version) }
        }
    }
}

/// `project / environment`.
pub fn target(project: &str, environment: &str) -> Markup {
    html! { (project) span.sep { " / " } (environment) }
}

/// Path of a service's page.
pub fn service_path(project: &str, environment: &str, service: &str) -> String {
    format!("/services/{}/{}/{}", encode(&project.replace('/', "~")), encode(environment), encode(service))
}

/// Path of an execution's page.
pub fn execution_path(name: &str) -> String {
    format!("/executions/{}", encode(name))
}

/// Path of a machine's page.
pub fn machine_path(name: &str) -> String {
    format!("/machines/{}", encode(name))
}

/// One part of a path or query, percent-encoded.
pub fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_read_well() {
        let cases = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_234, "1.2 s"),
            (61_000, "1 min 01 s"),
            (3_660_000, "1 h 01 min"),
        ];
        for (millis, text) in cases {
            assert_eq!(span(millis), text);
        }
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(123), "123");
        assert_eq!(encode("a/b ü"), "a%2Fb%20%C3%BC");
    }
}
