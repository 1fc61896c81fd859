//! Writes what processes say as JSON lines into numbered files of limited size, the oldest of which are removed.
//! Never fails its caller: a full disk must not stop a service.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use shipway_control::host::LogLine;
use shipway_engine::{Clock, SystemClock};

/// Longest line; a longer one is cut into several.
pub(crate) const LINE_BYTES_MAX: usize = 16 * 1024;

/// Size from which the next file is begun.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How many files are kept.
pub(crate) const FILES_MAX: u64 = 4;

/// The files of one group.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    file: File,
    number: u64,
    size: u64,
    lost: u64,
}

impl Log {
    /// Goes on where the keeper before this one ended.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let names = fs::read_dir(dir)?.filter_map(|entry| file_number(entry.ok()?.file_name().to_str()?));
        let number = names.max().unwrap_or(1);
        let (file, size) = open_file(dir, number)?;
        Ok(Self { dir: dir.to_path_buf(), file, number, size, lost: 0 })
    }

    /// Writes lines of one stream.
    pub(crate) fn write(&mut self, process: u16, stream: &str, lines: Vec<String>) {
        let time = SystemClock.now();
        let lines = lines.into_iter().map(|text| LogLine { time, process, stream: stream.to_owned(), text });
        self.append(&lines.collect::<Vec<_>>());
    }

    /// Writes a line of the keeper's own among the process's.
    pub(super) fn note(&mut self, process: u16, text: &str) {
        self.write(process, "stderr", vec![format!("[shipway] {text}")]);
    }

    fn append(&mut self, lines: &[LogLine]) {
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        match self.try_append(lines) {
            Ok(()) => self.report_lost(),
            Err(_) => self.lost = self.lost.saturating_add(count),
        }
    }

    fn try_append(&mut self, lines: &[LogLine]) -> io::Result<()> {
        if self.size >= FILE_BYTES_MAX {
            self.rotate()?;
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        self.size = self.size.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let (file, size) = open_file(&self.dir, self.number + 1)?;
        (self.file, self.size, self.number) = (file, size, self.number + 1);
        if let Some(oldest) = self.number.checked_sub(FILES_MAX) {
            // One file too many is no harm.
            let _ = fs::remove_file(self.dir.join(file_name(oldest)));
        }
        Ok(())
    }

    fn report_lost(&mut self) {
        if self.lost == 0 {
            return;
        }
        let lines = if self.lost == 1 { "line" } else { "lines" };
        let text = format!("[shipway] {} {lines} could not be written", self.lost);
        let line = LogLine { time: SystemClock.now(), process: 0, stream: "stderr".to_owned(), text };
        if self.try_append(&[line]).is_ok() {
            self.lost = 0;
        }
    }
}

/// Numbers only grow, so a place in a file stays what it is when older files go.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.jsonl")
}

/// The number in a file's name.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    name.strip_suffix(".jsonl")?.parse().ok()
}

/// A last line that was torn when the keeper before was killed is ended, so that the next is whole.
fn open_file(dir: &Path, number: u64) -> io::Result<(File, u64)> {
    let path = dir.join(file_name(number));
    let is_torn = fs::read(&path).is_ok_and(|text| text.last().is_some_and(|&byte| byte != b'\n'));
    let mut file = File::options().create(true).append(true).open(&path)?;
    if is_torn {
        file.write_all(b"\n")?;
    }
    let size = file.metadata()?.len();
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_begun_anew_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path()).unwrap();
        let lines = || vec!["x".repeat(LINE_BYTES_MAX); 64];
        for _ in 0..((FILES_MAX + 2) * FILE_BYTES_MAX / (64 * LINE_BYTES_MAX as u64)) {
            log.write(0, "stdout", lines());
        }
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len() as u64, FILES_MAX);
        assert_ne!(names[0], file_name(1));
        for name in names {
            let size = fs::metadata(dir.path().join(name)).unwrap().len();
            assert!(size < FILE_BYTES_MAX + 65 * 2 * LINE_BYTES_MAX as u64, "{size}");
        }
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(file_name(3)), "{\"time\":1,\"pro").unwrap();
        Log::open(dir.path()).unwrap().write(0, "stdout", vec!["whole".to_owned()]);
        let text = fs::read_to_string(dir.path().join(file_name(3))).unwrap();
        let last: LogLine = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last.text, "whole");
    }
}
