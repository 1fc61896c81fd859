//! Reads what keepers have written down. A cursor is a file's number and a place in it; both stay what they are when
//! older files go.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use shipway_control::host::{HostError, LogLine, LogPage, LogQuery};

use crate::{
    fault::{During, failure},
    file::is_absent,
    keeper::{FILES_MAX, LINE_BYTES_MAX, file_name, file_number},
};

/// Most lines of one page.
const LINES_MAX: usize = 10_000;

/// Most bytes read for one page when following.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A place in a group's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    file: u64,
    offset: u64,
}

/// A page of the output in `dir`.
pub(crate) fn read(dir: &Path, query: &LogQuery) -> Result<LogPage, HostError> {
    let files = files(dir).during("list", dir)?;
    match &query.after {
        Some(after) => following(dir, &files, query, parse(after)?),
        None => last(dir, &files, query),
    }
}

/// The last lines; of the newest file first.
fn last(dir: &Path, files: &[u64], query: &LogQuery) -> Result<LogPage, HostError> {
    let limit = query.lines.min(LINES_MAX);
    let mut lines = VecDeque::new();
    let mut end = Cursor { file: files.last().copied().unwrap_or(0), offset: 0 };
    for &file in files.iter().rev() {
        let text = read_from(dir, Cursor { file, offset: 0 }, u64::MAX)?;
        if file == end.file {
            end.offset = length(&text);
        }
        let wanted =
            text.split_inclusive(|&byte| byte == b'\n').rev().filter_map(|line| parse_line(line, query));
        for line in wanted.take(limit.saturating_sub(lines.len())) {
            lines.push_front(line);
        }
        if lines.len() >= limit {
            break;
        }
    }
    Ok(LogPage { lines: lines.into(), cursor: show(end) })
}

/// Lines after a cursor, up to the page's limits; the next page goes on there.
fn following(dir: &Path, files: &[u64], query: &LogQuery, after: Cursor) -> Result<LogPage, HostError> {
    let limit = if query.lines == 0 { LINES_MAX } else { query.lines.min(LINES_MAX) };
    let mut page = LogPage::default();
    let mut at = after;
    let mut bytes_left = PAGE_BYTES_MAX;
    for &file in files.iter().filter(|&&file| file >= after.file) {
        if file > at.file {
            at = Cursor { file, offset: 0 };
        }
        let text = read_from(dir, at, bytes_left)?;
        bytes_left = bytes_left.saturating_sub(length(&text));
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            if page.lines.len() >= limit {
                return Ok(LogPage { cursor: show(at), ..page });
            }
            at.offset = at.offset.saturating_add(length(line));
            page.lines.extend(parse_line(line, query));
        }
        if bytes_left < longest_line() {
            break;
        }
    }
    page.cursor = show(at);
    Ok(page)
}

/// Whole lines from a place on.
fn read_from(dir: &Path, at: Cursor, limit: u64) -> Result<Vec<u8>, HostError> {
    let path = dir.join(file_name(at.file));
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(at.offset))?;
        let mut text = Vec::new();
        file.take(limit).read_to_end(&mut text)?;
        text.truncate(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        Ok(text)
    };
    match read() {
        // It went while we looked.
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        other => other.during("read", &path),
    }
}

/// A line that was torn by a kill is left out.
fn parse_line(line: &[u8], query: &LogQuery) -> Option<LogLine> {
    let line: LogLine = serde_json::from_slice(line).ok()?;
    query.process.is_none_or(|process| process == line.process).then_some(line)
}

/// Numbers of the files, oldest first.
fn files(dir: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        other => other?,
    };
    let mut files: Vec<u64> =
        entries.filter_map(|entry| file_number(entry.ok()?.file_name().to_str()?)).collect();
    files.sort_unstable();
    debug_assert!(length(&files) <= FILES_MAX + 1, "the keeper removes old files");
    Ok(files)
}

/// JSON may write a character as six.
fn longest_line() -> u64 {
    u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_mul(6).saturating_add(1_024)
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

fn show(cursor: Cursor) -> String {
    format!("{}:{}", cursor.file, cursor.offset)
}

fn parse(text: &str) -> Result<Cursor, HostError> {
    let parts = text
        .split_once(':')
        .and_then(|(file, offset)| Some(Cursor { file: file.parse().ok()?, offset: offset.parse().ok()? }));
    let shown: String = text.chars().take(80).collect();
    parts.ok_or_else(|| {
        failure(format!("read logs after `{shown}`"), "not a cursor; pass the one of the answer before")
    })
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
