//! Lines for CloudWatch Logs, or for what answers like it: streams are made when they are first written to, and what is
//! sent keeps to the limits of a call. Knows nothing of executions; makes no group.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use shipway_asl::Timestamp;

use crate::client::{CallError, Client};

/// The service, as the client calls it.
const SERVICE: &str = "cloudwatchlogs";
/// Lines of one call.
const LINES_MAX: usize = 10_000;
/// Bytes of one call.
const BYTES_MAX: usize = 1_048_576;
/// What a line counts for besides its text.
const LINE_BYTES: usize = 26;
/// Time between the first and the last line of one call.
const SPAN_MILLIS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Streams of which the name is remembered; with more, new ones are begun.
const STREAMS_MAX: usize = 1_024;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it came about.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
}

/// Writes lines to log groups.
pub struct LogGroups {
    client: Client,
    /// Names of streams by group and writer.
    streams: Mutex<HashMap<(String, String), String>>,
}

impl LogGroups {
    /// Groups where `client` calls.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), streams: Mutex::default() }
    }

    /// Writes lines to a group, to a stream of this writer such as a machine's name. Lines of one call are sorted by
    /// their time.
    ///
    /// # Errors
    /// The first failure; what was sent before it stays.
    pub async fn write(&self, group: &str, writer: &str, mut lines: Vec<Line>) -> Result<(), CallError> {
        lines.sort_by_key(|line| line.at);
        let Some(first) = lines.first().map(|line| line.at) else { return Ok(()) };
        for part in parts(&lines) {
            let stream = self.stream(group, writer, first).await?;
            match self.put(group, &stream, part).await {
                // WHY: the stream was deleted, or the whole group was and is there again.
                Err(error) if error.is("ResourceNotFoundException") => {
                    self.forget(group, writer);
                    let stream = self.stream(group, writer, first).await?;
                    self.put(group, &stream, part).await?;
                }
                put => put?,
            }
        }
        Ok(())
    }

    async fn put(&self, group: &str, stream: &str, lines: &[Line]) -> Result<(), CallError> {
        let events: Vec<Value> =
            lines.iter().map(|line| json!({"timestamp": line.at.0, "message": line.text})).collect();
        let input = json!({"logGroupName": group, "logStreamName": stream, "logEvents": events});
        self.client.call(SERVICE, "PutLogEvents", &input).await.map(drop)
    }

    /// The writer's stream, made if it is not known.
    async fn stream(&self, group: &str, writer: &str, at: Timestamp) -> Result<String, CallError> {
        let key = (group.to_owned(), writer.to_owned());
        if let Some(known) = self.streams().get(&key) {
            return Ok(known.clone());
        }
        let name = name(writer, at);
        let input = json!({"logGroupName": group, "logStreamName": name});
        match self.client.call(SERVICE, "CreateLogStream", &input).await {
            Err(error) if !error.is("ResourceAlreadyExistsException") => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let mut streams = self.streams();
        if streams.len() >= STREAMS_MAX {
            streams.clear();
        }
        streams.insert(key, name.clone());
        Ok(name)
    }

    fn forget(&self, group: &str, writer: &str) {
        self.streams().remove(&(group.to_owned(), writer.to_owned()));
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), String>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As AWS names the streams of machines: `states/<machine>/<minute>/<number>`.
fn name(writer: &str, at: Timestamp) -> String {
    // WHY: no name of a stream has a colon or an asterisk.
    let writer = writer.replace([':', '*'], "_");
    let text = at.to_string();
    let minute: String = text.chars().take(16).map(|c| if c == 'T' || c == ':' { '-' } else { c }).collect();
    let number = u32::try_from(at.0.rem_euclid(i64::from(u32::MAX))).unwrap_or_default();
    format!("states/{writer}/{minute}/{number:08x}")
}

/// Lines in calls that keep to the limits.
fn parts(lines: &[Line]) -> Vec<&[Line]> {
    let mut parts = Vec::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fitting = rest.iter().take(LINES_MAX).take_while(|line| {
            bytes += line.text.len() + LINE_BYTES;
            bytes <= BYTES_MAX && line.at.millis_since(first.at) < SPAN_MILLIS_MAX
        });
        // WHY: a line that is too large by itself is refused by the service, and told of by that.
        let count = fitting.count().max(1);
        let (part, after) = rest.split_at(count.min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: i64, bytes: usize) -> Line {
        Line { at: Timestamp(at), text: "x".repeat(bytes) }
    }

    #[test]
    fn calls_keep_to_the_limits() {
        let sizes = |lines: &[Line]| parts(lines).into_iter().map(<[Line]>::len).collect::<Vec<_>>();
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&vec![line(0, 1); LINES_MAX + 1]), [LINES_MAX, 1]);
        assert_eq!(sizes(&[line(0, 600_000), line(0, 600_000), line(0, 1)]), [1, 2]);
        assert_eq!(sizes(&[line(0, BYTES_MAX), line(0, 1)]), [1, 1]);
        assert_eq!(sizes(&[line(0, 1), line(86_400_000, 1)]), [1, 1]);
    }

    #[test]
    fn streams_are_named_as_aws_names_them() {
        let at = Timestamp::parse("2026-11-21T04:19:24.123Z").unwrap();
        let name = name("m:1", at);
        assert!(name.starts_with("states/m_1/2026-11-21-04-19/"), "{name}");
    }
}
