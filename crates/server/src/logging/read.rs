//! Reading a log group's files: the newest lines, what came after a cursor, and how far each execution is logged.
//! Blocks; callers are on a thread that may.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use serde::Deserialize;

use super::{
    files::{numbers, path},
    level::Level,
};

/// Bytes that one question looks through at most.
const LOOK_BYTES_MAX: u64 = 64 << 20;

/// What of a line must be known to choose it.
#[derive(Deserialize)]
struct Head<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    event_timestamp: &'a str,
    #[serde(borrow)]
    execution_arn: std::borrow::Cow<'a, str>,
}

/// Which lines are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of this machine.
    pub machine: String,
    /// Of the execution with this name.
    pub execution: Option<String>,
    /// That this level logs.
    pub level: Level,
}

impl Wanted {
    fn has(&self, line: &str) -> bool {
        let Ok(head) = serde_json::from_str::<Head<'_>>(line) else { return false };
        // arn:aws:states:<region>:<account>:execution:<machine>[/<label>]:<name>[:<id>]
        let mut parts = head.execution_arn.split(':').skip(6);
        let machine = parts.next().and_then(|machine| machine.split('/').next());
        let is_named = self.execution.as_deref().is_none_or(|name| parts.next() == Some(name));
        machine == Some(&self.machine) && is_named && self.level.logs(head.kind)
    }
}

/// A place between two lines: `<number of the file>.<byte>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    number: u64,
    byte: u64,
}

impl Cursor {
    /// Reads it as it was written.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, byte) = text.split_once('.')?;
        Some(Self { number: number.parse().ok()?, byte: byte.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.number, self.byte)
    }
}

/// Some lines, and where to go on.
#[derive(Debug)]
pub struct Found {
    /// Oldest first.
    pub lines: Vec<String>,
    /// After the last of them.
    pub cursor: Cursor,
}

/// The last `most` lines that are wanted, as far as the newest 64 MiB go.
pub fn newest(directory: &Path, wanted: &Wanted, most: usize) -> io::Result<Found> {
    let mut lines = Vec::new();
    let mut cursor = None;
    let mut looked: u64 = 0;
    for number in numbers(directory)?.into_iter().rev() {
        let (text, end) = read_from(directory, number, 0)?;
        cursor.get_or_insert(Cursor { number, byte: end });
        lines.extend(
            text.lines().rev().filter(|line| wanted.has(line)).map(str::to_owned).take(most - lines.len()),
        );
        looked = looked.saturating_add(end);
        if lines.len() >= most || looked >= LOOK_BYTES_MAX {
            break;
        }
    }
    lines.reverse();
    Ok(Found { lines, cursor: cursor.unwrap_or(Cursor { number: 1, byte: 0 }) })
}

/// The first `most` wanted lines after a cursor; maybe fewer than there are, with a cursor that is further on. If its
/// file is gone, the oldest line that is left is the next one.
pub fn after(directory: &Path, wanted: &Wanted, from: Cursor, most: usize) -> io::Result<Found> {
    let mut lines = Vec::new();
    let (mut cursor, mut looked) = (from, 0_u64);
    for number in numbers(directory)?.into_iter().filter(|number| *number >= from.number) {
        let start = if number == from.number { from.byte } else { 0 };
        let (text, end) = read_from(directory, number, start)?;
        cursor = Cursor { number, byte: start };
        for line in text.split_inclusive('\n') {
            if lines.len() >= most {
                return Ok(Found { lines, cursor });
            }
            cursor.byte = cursor.byte.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
            if wanted.has(line.trim_end()) {
                lines.push(line.trim_end().to_owned());
            }
        }
        looked = looked.saturating_add(end.saturating_sub(start));
        if looked >= LOOK_BYTES_MAX {
            break;
        }
    }
    Ok(Found { lines, cursor })
}

/// The whole lines of a file from a place on, and where they end.
fn read_from(directory: &Path, number: u64, start: u64) -> io::Result<(String, u64)> {
    let mut file = match File::open(path(directory, number)) {
        Ok(file) => file,
        // It was the oldest, and has gone just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((String::new(), start)),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(start))?;
    let mut content = Vec::new();
    file.take(LOOK_BYTES_MAX).read_to_end(&mut content)?;
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    content.truncate(whole);
    let end = start.saturating_add(u64::try_from(whole).unwrap_or(u64::MAX));
    Ok((String::from_utf8_lossy(&content).into_owned(), end))
}

/// How far executions are logged.
#[derive(Debug, Default)]
pub struct Logged {
    last: HashMap<String, u64>,
    /// Time of the oldest line, if older ones have gone.
    kept_since: Option<i64>,
}

impl Logged {
    /// Looks through all files of a group.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut logged = Self::default();
        let numbers = numbers(directory)?;
        let has_lost = numbers.first().is_some_and(|first| *first > 1);
        for number in numbers {
            let content = fs::read(path(directory, number))?;
            for line in
                String::from_utf8_lossy(&content).split_inclusive('\n').filter(|line| line.ends_with('\n'))
            {
                let Ok(head) = serde_json::from_str::<Head<'_>>(line) else { continue };
                if has_lost && logged.kept_since.is_none() {
                    logged.kept_since = head.event_timestamp.parse().ok();
                }
                let id = head.id.parse().unwrap_or(0);
                match logged.last.get_mut(head.execution_arn.as_ref()) {
                    Some(last) => *last = id.max(*last),
                    None => drop(logged.last.insert(head.execution_arn.into_owned(), id)),
                }
            }
        }
        Ok(logged)
    }

    /// Whether this event of the execution is logged, or was and has gone with its file.
    pub fn has(&self, execution_arn: &str, id: u64, at_millis: i64) -> bool {
        let last = self.last.get(execution_arn).copied();
        let has_gone = || last.is_none() && self.kept_since.is_some_and(|since| at_millis < since);
        last.is_some_and(|last| id <= last) || has_gone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(machine: &str, name: &str, id: u64, kind: &str) -> String {
        format!(
            r#"{{"details":{{}},"redrive_count":"0","id":"{id}","type":"{kind}","previous_event_id":"0","event_timestamp":"{}","execution_arn":"arn:aws:states:local:000000000000:execution:{machine}:{name}"}}"#,
            id * 1_000
        )
    }

    fn write(directory: &Path, number: u64, lines: &[String]) {
        fs::write(path(directory, number), lines.iter().map(|line| format!("{line}\n")).collect::<String>())
            .unwrap();
    }

    fn wanted(execution: Option<&str>, level: Level) -> Wanted {
        Wanted { machine: "m".to_owned(), execution: execution.map(str::to_owned), level }
    }

    fn two_files() -> (tempfile::TempDir, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let lines = vec![
            line("m", "a", 1, "ExecutionStarted"),
            line("other", "a", 1, "ExecutionStarted"),
            line("m/Label", "b", 1, "ExecutionStarted"),
            line("m", "a", 2, "ExecutionFailed"),
        ];
        write(directory.path(), 1, &lines[..2]);
        write(directory.path(), 2, &lines[2..]);
        (directory, lines)
    }

    #[test]
    fn the_newest_lines_are_those_of_the_machine_over_all_files() {
        let (directory, lines) = two_files();
        let all = newest(directory.path(), &wanted(None, Level::All), 10).unwrap();
        assert_eq!(all.lines, [lines[0].clone(), lines[2].clone(), lines[3].clone()]);
        let two = newest(directory.path(), &wanted(None, Level::All), 2).unwrap();
        assert_eq!(two.lines, lines[2..]);
        let failures = newest(directory.path(), &wanted(Some("a"), Level::Fatal), 10).unwrap();
        assert_eq!(failures.lines, lines[3..]);
    }

    #[test]
    fn a_cursor_goes_on_where_the_page_ended() {
        let (directory, lines) = two_files();
        let mut cursor = Cursor { number: 1, byte: 0 };
        let mut seen = Vec::new();
        for _ in 0..4 {
            let page = after(directory.path(), &wanted(None, Level::All), cursor, 1).unwrap();
            seen.extend(page.lines);
            cursor = Cursor::parse(&page.cursor.to_string()).unwrap();
        }
        assert_eq!(seen, [lines[0].clone(), lines[2].clone(), lines[3].clone()]);
    }

    #[test]
    fn a_cursor_into_a_file_that_is_gone_goes_on_with_the_oldest() {
        let (directory, lines) = two_files();
        fs::remove_file(path(directory.path(), 1)).unwrap();
        let page =
            after(directory.path(), &wanted(None, Level::All), Cursor { number: 1, byte: 5 }, 9).unwrap();
        assert_eq!(page.lines, lines[2..]);
    }

    #[test]
    fn half_a_line_is_not_shown_yet() {
        let (directory, lines) = two_files();
        let end = newest(directory.path(), &wanted(None, Level::All), 1).unwrap().cursor;
        let (half, rest) = lines[0].split_at(20);
        let mut content = fs::read(path(directory.path(), 2)).unwrap();
        content.extend_from_slice(half.as_bytes());
        fs::write(path(directory.path(), 2), &content).unwrap();
        let none = after(directory.path(), &wanted(None, Level::All), end, 9).unwrap();
        assert_eq!((none.lines.len(), none.cursor), (0, end));
        content.extend_from_slice(format!("{rest}\n").as_bytes());
        fs::write(path(directory.path(), 2), &content).unwrap();
        assert_eq!(after(directory.path(), &wanted(None, Level::All), end, 9).unwrap().lines, lines[..1]);
    }

    #[test]
    fn what_is_logged_is_known_also_where_its_file_has_gone() {
        let (directory, _) = two_files();
        let arn = |name: &str| format!("arn:aws:states:local:000000000000:execution:m:{name}");
        let logged = Logged::read(directory.path()).unwrap();
        assert!(logged.has(&arn("a"), 2, 2_000) && !logged.has(&arn("a"), 3, 3_000));
        assert!(!logged.has(&arn("new"), 1, 0), "nothing has gone, so it was never logged");
        fs::remove_file(path(directory.path(), 1)).unwrap();
        let logged = Logged::read(directory.path()).unwrap();
        assert!(logged.has(&arn("new"), 1, 500) && !logged.has(&arn("new"), 2, 5_000));
    }
}
