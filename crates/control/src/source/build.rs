//! Runs the build command and hands its output on. What it makes is packed elsewhere.

use std::{
    io::{PipeReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use super::{Error, git};

/// How long output is still awaited once the command has ended. What it left running may hold the pipe open forever.
const LAST_OUTPUT: Duration = Duration::from_millis(300);

/// Pieces of output that may wait to be shown.
const PIECES_MAX: usize = 64;

enum Event {
    Output(Vec<u8>),
    Ended(std::io::Result<ExitStatus>),
}

/// Runs `command` with `sh -c` in `dir`; stdout and stderr together go to `output` as they come.
pub(super) fn run(dir: &Path, command: &str, output: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
    let failed = |status: String| Error::Build { command: command.to_owned(), status };
    let (child, reader) = start(dir, command).map_err(|error| failed(error.to_string()))?;
    let (sender, events) = sync_channel(PIECES_MAX);
    read_on(reader, sender.clone());
    wait_on(child, sender);
    let status = follow(&events, output).map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}

fn start(dir: &Path, command: &str) -> std::io::Result<(Child, PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(dir).stdin(Stdio::null());
    let shell = git::without_git_variables(&mut shell);
    let child = shell.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok((child, reader))
}

fn read_on(mut reader: PipeReader, events: SyncSender<Event>) {
    thread::spawn(move || {
        let mut piece = vec![0; 8 * 1024];
        while let Ok(bytes @ 1..) = reader.read(&mut piece) {
            let output = piece.get(..bytes).unwrap_or_default().to_vec();
            if events.send(Event::Output(output)).is_err() {
                return;
            }
        }
    });
}

fn wait_on(mut child: Child, events: SyncSender<Event>) {
    thread::spawn(move || events.send(Event::Ended(child.wait())).ok());
}

fn follow(events: &Receiver<Event>, output: &mut dyn FnMut(&[u8])) -> std::io::Result<ExitStatus> {
    let mut status = None;
    loop {
        let event = match status {
            None => events.recv().ok(),
            Some(_) => events.recv_timeout(LAST_OUTPUT).ok(),
        };
        match event {
            Some(Event::Output(piece)) => output(&piece),
            Some(Event::Ended(ended)) => status = Some(ended?),
            None => return status.ok_or_else(|| std::io::Error::other("the build was lost")),
        }
    }
}
