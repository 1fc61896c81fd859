//! What a process writes: read from its pipe, cut into lines, kept in the function's log, and the end of it for whoever
//! called. Never waits for the process.

use std::{
    io::{self, PipeReader},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::net::unix::pipe::Receiver;

use crate::keeper::{Lines, Log};

/// Bytes of a call's output that its caller may get, as Lambda has it.
const TAIL_BYTES_MAX: usize = 4 * 1024;
/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;
/// Reads in a row: a process that writes without end must not keep others from being read.
const READS_MAX: usize = 64;

/// The output of one process.
pub(super) struct Output {
    pipe: Receiver,
    log: Arc<Mutex<Log>>,
    number: u16,
    text: Mutex<Text>,
}

#[derive(Default)]
struct Text {
    lines: Lines,
    tail: Vec<u8>,
}

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Nothing is there at the moment.
    Empty,
    /// There may be more at once.
    Some,
    /// Nobody can write any more.
    End,
}

impl Output {
    /// The output of the process with this number, which it writes into the other end of `pipe`.
    pub(super) fn new(pipe: PipeReader, log: Arc<Mutex<Log>>, number: u16) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(pipe.into())?;
        Ok(Self { pipe, log, number, text: Mutex::default() })
    }

    /// Reads until nobody can write any more.
    pub(super) async fn follow(&self) {
        loop {
            if self.pipe.readable().await.is_err() {
                return;
            }
            match self.read(|buffer| self.pipe.try_read(buffer)) {
                Read::Empty => {}
                Read::Some => tokio::task::yield_now().await,
                Read::End => return,
            }
        }
    }

    /// Reads what is there. Whatever was written before this call is in the log when it returns, unless it is more than
    /// a pipe holds.
    pub(super) fn drain(&self) {
        for _ in 0..READS_MAX {
            // WHY: not by tokio's `try_read`, which reads nothing before it has heard that there is something.
            if self.read(|buffer| Ok(rustix::io::read(&self.pipe, buffer)?)) != Read::Some {
                return;
            }
        }
    }

    /// Writes a line of ours among those of the process, and what of its last line has come before.
    pub(super) fn note(&self, line: String) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<String> = text.lines.end().into_iter().collect();
        lines.push(line);
        self.keep(&mut text, lines);
    }

    /// Forgets what was written before, so that the tail is that of the next call.
    pub(super) fn begin(&self) {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).tail.clear();
    }

    /// The end of what was written since [`Output::begin`].
    pub(super) fn tail(&self) -> Vec<u8> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).tail.clone()
    }

    /// WHY: the lock is held over the read, so that lines stay in order whoever reads.
    fn read(&self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> Read {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = vec![0; READ_BYTES];
        match read(&mut buffer) {
            Ok(0) => {
                let lines = text.lines.end().into_iter().collect();
                self.keep(&mut text, lines);
                Read::End
            }
            Ok(count) => {
                let lines = text.lines.feed(buffer.get(..count).unwrap_or_default());
                self.keep(&mut text, lines);
                Read::Some
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Read::Some,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Empty,
            Err(_) => Read::End,
        }
    }

    fn keep(&self, text: &mut Text, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        for line in &lines {
            text.tail.extend_from_slice(line.as_bytes());
            text.tail.push(b'\n');
        }
        let surplus = text.tail.len().saturating_sub(TAIL_BYTES_MAX);
        text.tail.drain(..surplus);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(self.number, "stdout", lines);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn what_was_written_before_is_there_after_a_drain_and_the_tail_is_short() {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(Mutex::new(Log::open(dir.path()).unwrap()));
        let (reader, mut writer) = io::pipe().unwrap();
        let output = Output::new(reader, log, 0).unwrap();
        writer.write_all(b"before\n").unwrap();
        output.drain();
        output.begin();
        output.note("START".to_owned());
        writer.write_all(b"one\ntw").unwrap();
        output.drain();
        output.note("END".to_owned());
        assert_eq!(String::from_utf8(output.tail()).unwrap(), "START\none\ntw\nEND\n");
        writer.write_all(&[b'x'; 10_000]).unwrap();
        writer.write_all(b"\n").unwrap();
        output.drain();
        assert_eq!(output.tail().len(), TAIL_BYTES_MAX);
        drop(writer);
        output.follow().await;
        assert!(std::fs::read_to_string(dir.path().join("0000000001.jsonl")).unwrap().contains("before"));
    }
}
