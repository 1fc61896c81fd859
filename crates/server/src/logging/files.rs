//! The files of one log group: `0000000001.jsonl` and so on, each up to a size, all together up to a size and an age.
//! Knows of lines only where they end. Blocks; callers are on a thread that may.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How much is kept of a log group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file before the next one is begun.
    pub file_bytes_max: u64,
    /// Bytes of all files; the oldest go first, the newest stays.
    pub group_bytes_max: u64,
    /// Files that were written to last longer ago than this go.
    pub age_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 8 << 20,
            group_bytes_max: 256 << 20,
            age_max: Duration::from_secs(30 * 24 * 3_600),
        }
    }
}

/// The files of a log group, to be written to.
#[derive(Debug)]
pub struct Group {
    directory: PathBuf,
    limits: Limits,
    number: u64,
    file: File,
    bytes: u64,
}

impl Group {
    /// Opens the newest file, and cuts off a line that a crash left without its end.
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let number = numbers(directory)?.last().copied().unwrap_or(1);
        let (file, bytes) = open_whole(&path(directory, number))?;
        Ok(Self { directory: directory.to_owned(), limits, number, file, bytes })
    }

    /// Appends whole lines. What was written before it failed is taken back.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.bytes > 0 && self.bytes.saturating_add(length(lines)) > self.limits.file_bytes_max {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(lines) {
            // WHY: a half line before the next one would spoil both.
            self.file.set_len(self.bytes)?;
            self.file.seek(SeekFrom::End(0))?;
            return Err(error);
        }
        self.bytes = self.bytes.saturating_add(length(lines));
        Ok(())
    }

    /// Returns when all that was appended is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        let next = self.number.saturating_add(1);
        let (file, bytes) = open_whole(&path(&self.directory, next))?;
        (self.number, self.file, self.bytes) = (next, file, bytes);
        prune(&self.directory, self.limits)
    }
}

/// Removes what is too much or too old; never the newest file.
pub fn prune(directory: &Path, limits: Limits) -> io::Result<()> {
    let numbers = numbers(directory)?;
    let mut bytes: u64 = 0;
    for (back, number) in numbers.iter().rev().enumerate() {
        let path = path(directory, *number);
        let about = fs::metadata(&path)?;
        // WHY: the newest one will be full before the next is begun.
        let reserved = if back == 0 { limits.file_bytes_max } else { 0 };
        bytes = bytes.saturating_add(about.len().max(reserved));
        // WHY: by the clock that wrote it, which is the file system's.
        let is_old = about.modified()?.elapsed().is_ok_and(|age| age > limits.age_max);
        if back > 0 && (is_old || bytes > limits.group_bytes_max) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The file's place.
pub fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.jsonl"))
}

/// Numbers of the files, in order; none if there is no such directory.
pub fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        numbers.extend(number.filter(|number: &u64| *number > 0));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The file, at its end, which is the end of a line.
fn open_whole(path: &Path) -> io::Result<(File, u64)> {
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let bytes = u64::try_from(whole).unwrap_or(u64::MAX);
    if whole < content.len() {
        file.set_len(bytes)?;
    }
    file.seek(SeekFrom::Start(bytes))?;
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(group_bytes_max: u64) -> Limits {
        Limits { file_bytes_max: 20, group_bytes_max, age_max: Duration::from_secs(3_600) }
    }

    fn contents(directory: &Path) -> Vec<String> {
        let numbers = numbers(directory).unwrap();
        numbers.iter().map(|number| fs::read_to_string(path(directory, *number)).unwrap()).collect()
    }

    #[test]
    fn a_full_file_is_followed_by_the_next_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut group = Group::open(directory.path(), small(50)).unwrap();
        for n in 0..10 {
            group.append(format!("line {n}....\n").as_bytes()).unwrap();
        }
        let kept: Vec<String> = (7..10).map(|n| format!("line {n}....\n")).collect();
        assert_eq!(contents(directory.path()), kept);
        assert_eq!(numbers(directory.path()).unwrap(), [8, 9, 10]);
    }

    #[test]
    fn old_files_go_and_the_newest_stays() {
        let directory = tempfile::tempdir().unwrap();
        let mut group = Group::open(directory.path(), small(500)).unwrap();
        for _ in 0..3 {
            group.append(b"0123456789abcde\n").unwrap();
        }
        for number in 1..=3 {
            let file = File::options().write(true).open(path(directory.path(), number)).unwrap();
            let written = file.metadata().unwrap().modified().unwrap();
            file.set_modified(written - Duration::from_secs(7_200)).unwrap();
        }
        prune(directory.path(), small(500)).unwrap();
        assert_eq!(numbers(directory.path()).unwrap(), [3]);
    }

    #[test]
    fn half_a_line_that_a_crash_left_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(path(directory.path(), 4), "whole\nhal").unwrap();
        let mut group = Group::open(directory.path(), small(500)).unwrap();
        group.append(b"next\n").unwrap();
        assert_eq!(contents(directory.path()), ["whole\nnext\n"]);
    }

    #[test]
    fn a_line_larger_than_a_file_is_kept_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut group = Group::open(directory.path(), small(500)).unwrap();
        let large = format!("{}\n", "x".repeat(40));
        group.append(large.as_bytes()).unwrap();
        group.append(b"y\n").unwrap();
        assert_eq!(contents(directory.path()), [large, "y\n".to_owned()]);
    }
}
