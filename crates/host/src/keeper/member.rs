//! One process of a group: how it is started and what its end means. Does not wait.

use std::{
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Signal, WaitStatus, kill_process_group, test_kill_process_group};
use shipway_control::host::{Process, ProcessState};

use shipway_engine::{Clock, SystemClock};

use super::back_off::BackOff;
use crate::{
    command,
    group::{GroupDir, Record, Spec},
    process::{Identity, to_pid},
};

/// One process of the group.
#[derive(Debug)]
pub(super) struct Member {
    record: Record,
    back_off: BackOff,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Its leader runs.
    Running {
        leader: u32,
        since: Instant,
    },
    /// Is started again then.
    Waiting {
        until: Instant,
    },
    /// Was told to stop; its group may outlive its leader.
    Stopping {
        leader: u32,
    },
    Stopped,
}

/// What a process writes.
pub(super) struct Output {
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

impl Member {
    /// A process that is to be started at once; counts go on from `before`.
    pub(super) fn new(process: Process) -> Self {
        let phase = Phase::Waiting { until: Instant::now() };
        let mut member =
            Self { record: Record { process, start: None }, back_off: BackOff::default(), phase };
        member.settle(ProcessState::Stopped);
        member
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn index(&self) -> u16 {
        self.record.process.index
    }

    /// When it is to be started again.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Running { .. } | Phase::Stopping { .. } | Phase::Stopped => None,
        }
    }

    /// Starts it; if that fails it waits as if it had crashed.
    pub(super) fn start(&mut self, dir: &GroupDir, spec: &Spec) -> io::Result<Output> {
        let spawned = command_of(dir, spec, &self.record.process).spawn().and_then(|mut child| {
            let output = take_output(&mut child)?;
            Ok((child.id(), output))
        });
        match spawned {
            Ok((pid, output)) => {
                self.phase = Phase::Running { leader: pid, since: Instant::now() };
                self.record.process.pid = Some(pid);
                self.record.process.state = ProcessState::Running;
                self.record.process.started_at = Some(SystemClock.now());
                self.record.start = Identity::of(pid).map(|identity| identity.start);
                Ok(output)
            }
            Err(error) => {
                self.crashed(format!("cannot be started: {error}"), Duration::ZERO);
                Err(error)
            }
        }
    }

    /// Takes note that a process ended; `None` if it was not this one's leader. Gives the pause before it is
    /// started again, if it is.
    pub(super) fn ended(&mut self, pid: u32, status: WaitStatus) -> Option<Option<Duration>> {
        match self.phase {
            Phase::Running { leader, since } if leader == pid => {
                // What it started would hold its port.
                self.signal_group(leader, Signal::KILL);
                Some(Some(self.crashed(describe(status), since.elapsed())))
            }
            Phase::Stopping { leader } if leader == pid => {
                self.record.process.last_exit = Some(describe(status));
                self.settle(ProcessState::Stopping);
                Some(None)
            }
            Phase::Running { .. } | Phase::Stopping { .. } | Phase::Waiting { .. } | Phase::Stopped => None,
        }
    }

    /// Tells its process group to end.
    pub(super) fn stop(&mut self) {
        match self.phase {
            Phase::Running { leader, .. } => {
                self.signal_group(leader, Signal::TERM);
                self.phase = Phase::Stopping { leader };
                self.record.process.state = ProcessState::Stopping;
            }
            Phase::Waiting { .. } => self.stopped(),
            Phase::Stopping { .. } | Phase::Stopped => {}
        }
    }

    /// Whether its process group is gone.
    pub(super) fn is_gone(&self) -> bool {
        match self.phase {
            Phase::Stopping { leader } => {
                to_pid(leader).is_none_or(|pid| test_kill_process_group(pid).is_err())
            }
            Phase::Running { .. } => false,
            Phase::Waiting { .. } | Phase::Stopped => true,
        }
    }

    /// Nothing of it runs any more.
    pub(super) fn stopped(&mut self) {
        self.phase = Phase::Stopped;
        self.settle(ProcessState::Stopped);
    }

    fn crashed(&mut self, how: String, lived: Duration) -> Duration {
        let pause = self.back_off.pause(lived);
        self.phase = Phase::Waiting { until: Instant::now() + pause };
        self.record.process.crashes = self.record.process.crashes.saturating_add(1);
        self.record.process.last_exit = Some(how);
        self.settle(ProcessState::BackOff);
        pause
    }

    fn settle(&mut self, state: ProcessState) {
        self.record.start = None;
        self.record.process.pid = None;
        self.record.process.started_at = None;
        self.record.process.state = state;
    }

    /// A group that is gone needs no signal.
    fn signal_group(&self, leader: u32, signal: Signal) {
        if let Some(leader) = to_pid(leader) {
            let _ = kill_process_group(leader, signal);
        }
    }
}

fn take_output(child: &mut Child) -> io::Result<Output> {
    let missing = || io::Error::other("has no output to read");
    let stdout = child.stdout.take().ok_or_else(missing)?.into();
    let stderr = child.stderr.take().ok_or_else(missing)?.into();
    Ok(Output { stdout, stderr })
}

/// WHY `/proc/self/exe`: a keeper lives longer than the file it was started from.
fn command_of(dir: &GroupDir, spec: &Spec, process: &Process) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("shipway")
        .args(["exec", "--parent", &std::process::id().to_string(), "--", "/bin/sh", "-c"])
        .arg(command::for_shell(&spec.start.command))
        .current_dir(dir.app())
        .env_clear()
        .envs(environment(spec, process))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// Later ones win: a service may set its `PATH`, not its `PORT`.
fn environment(spec: &Spec, process: &Process) -> Vec<(OsString, OsString)> {
    let group = &spec.start.group;
    let mut all: Vec<(OsString, OsString)> = command::base_environment();
    all.extend(spec.start.env.iter().map(|(name, value)| (name.into(), value.into())));
    all.extend(process.port.map(|port| ("PORT".into(), port.to_string().into())));
    let own = [
        ("SHIPWAY_PROJECT", group.project.as_str()),
        ("SHIPWAY_ENVIRONMENT", &group.environment),
        ("SHIPWAY_SERVICE", &group.service),
        ("SHIPWAY_VERSION", &spec.start.version),
        ("SHIPWAY_RELEASE_ID", &group.release_id),
        ("SHIPWAY_PROCESS", &process.index.to_string()),
    ];
    all.extend(own.map(|(name, value)| (name.into(), value.into())));
    all
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
