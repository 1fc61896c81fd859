//! One process of a function: started for a call, kept for the next ones, one call at a time, killed with all that it has
//! started when a call runs out of time. Which calls come here is `pool`'s.

use std::{
    fs, io,
    sync::Arc,
    time::{Duration, Instant},
};

use shipway_control::function::{Function, Invocation, Outcome};
use shipway_engine::{Clock, SystemClock};
use tokio::{
    process::Child,
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    task::spawn_blocking,
    time::{timeout, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Shared,
    desk::{Desk, Job, Reply, State},
    failure, guard,
    output::Output,
    report::{self, Report, Status},
    runtime_api::Port,
    spawn,
};
use crate::process::Identity;

/// A process. Dropping it ends it.
pub(super) struct Environment {
    jobs: mpsc::Sender<Job>,
    state: watch::Receiver<State>,
    output: Arc<Output>,
    leader: Identity,
    started: Instant,
    is_fresh: bool,
    end: CancellationToken,
    _ends: DropGuard,
}

/// How a call ended.
enum End {
    Replied(Reply),
    /// The process says that it cannot start.
    Unfit(Vec<u8>),
    Exited(String),
    TimedOut,
}

/// What lives as long as the process.
struct Life {
    id: String,
    child: Child,
    leader: Identity,
    desk: Arc<Desk>,
    output: Arc<Output>,
    end: CancellationToken,
    _room: OwnedSemaphorePermit,
}

impl Environment {
    /// Starts a process. It has `room` until nothing of it is left.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        function: &Function,
        number: u16,
        room: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let started = Instant::now();
        let port = Port::bind().await?;
        let id = format!("{:016x}", SystemClock.entropy());
        let (reader, writer) = io::pipe()?;
        let output = Arc::new(Output::new(reader, shared.log(&function.name)?, number)?);
        let day = SystemClock.now().to_string();
        let identity = spawn::Identity {
            id: &id,
            api: port.address.to_string(),
            log_stream: &format!("{}/[$LATEST]{id}", day.get(..10).unwrap_or_default().replace('-', "/")),
            runtimes: shared.runtimes()?,
            shared: &shared.environment(),
        };
        let mut command = spawn::command(&shared.config.exe, function, &identity);
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = shared.spawner.spawn(command).await?;
        let leader = child.id().and_then(Identity::of);
        let leader = leader.ok_or_else(|| io::Error::other("a process ended while it was started"))?;
        shared.guard.watch(&id, leader)?;
        let (desk, jobs) = Desk::new();
        let (state, desk, end) = (desk.watch(), Arc::new(desk), CancellationToken::new());
        let life =
            Life { id, child, leader, desk, output: Arc::clone(&output), end: end.clone(), _room: room };
        shared.supervisor.spawn(live(Arc::clone(shared), life, port));
        let _ends = end.clone().drop_guard();
        Ok(Self { jobs, state, output, leader, started, is_fresh: true, end, _ends })
    }

    /// Whether it waits for a call.
    pub(super) fn is_ready(&self) -> bool {
        *self.state.borrow() == State::Ready
    }

    /// Runs a call to its end. The process can be used again only if it is ready then; otherwise it has ended.
    pub(super) async fn call(
        &mut self,
        function: &Function,
        invocation: Invocation,
        init_max: Duration,
    ) -> Outcome {
        let invocation = Arc::new(invocation);
        let request_id = invocation.request_id.clone();
        let seconds = function.settings.timeout_seconds;
        self.output.begin();
        let mut end = self.readiness(init_max).await;
        let init = std::mem::take(&mut self.is_fresh).then(|| self.started.elapsed());
        self.output.drain();
        self.output.note(report::start(&request_id));
        let began = Instant::now();
        if end.is_none() {
            end = Some(self.run(Arc::clone(&invocation), Duration::from_secs(seconds.into())).await);
        }
        let duration = began.elapsed();
        let memory_used_mb = memory_used_mb(self.leader);
        if !self.is_ready() {
            self.ended().await;
        }
        self.output.drain();
        let end = end.unwrap_or(End::TimedOut);
        let status = end.status();
        if status == Some(Status::TimedOut) {
            self.output.note(format!("{} {request_id} {}", SystemClock.now(), failure::after(seconds)));
        }
        let memory_mb = function.settings.memory_mb;
        self.output.note(report::end(&request_id));
        let told = Report { duration, init, memory_mb, memory_used_mb, status };
        self.output.note(report::report(&request_id, &told));
        let (payload, is_failure) = end.outcome(&request_id, seconds);
        Outcome { payload, is_failure, log_tail: self.output.tail() }
    }

    /// Waits until it can take a call; otherwise how it ended.
    async fn readiness(&mut self, init_max: Duration) -> Option<End> {
        let left = init_max.saturating_sub(self.started.elapsed());
        let settled = self.state.wait_for(|state| !matches!(state, State::Starting | State::Busy));
        match timeout(left, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Unfit(error) => Some(End::Unfit(error.to_vec())),
                State::Ended(how) => Some(End::Exited(how.clone())),
                State::Starting | State::Ready | State::Busy => None,
            },
            Ok(Err(_)) => Some(End::Exited(failure::GONE.to_owned())),
            Err(_) => Some(End::TimedOut),
        }
    }

    async fn run(&mut self, invocation: Arc<Invocation>, time: Duration) -> End {
        let deadline = tokio::time::Instant::now() + time;
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (reply, mut answer) = oneshot::channel();
        let deadline_millis = SystemClock.now().plus_millis(millis).0;
        if self.jobs.send(Job { invocation, deadline_millis, reply }).await.is_err() {
            return End::Exited(how_ended(&mut self.state).await);
        }
        let end = tokio::select! {
            biased;
            Ok(reply) = &mut answer => End::Replied(reply),
            how = how_ended(&mut self.state) => match answer.try_recv() {
                Ok(reply) => End::Replied(reply),
                Err(_) => End::Exited(how),
            },
            () = tokio::time::sleep_until(deadline) => End::TimedOut,
        };
        if matches!(end, End::Replied(_)) {
            // WHY: a call has ended when the process asks for the next one; what it does before is part of this one. One
            // that takes longer than the call may is not used again.
            let settled = self.state.wait_for(|state| matches!(state, State::Ready | State::Ended(_)));
            let _ = timeout_at(deadline, settled).await;
        }
        end
    }

    /// Ends it; nothing of it is left when this returns.
    pub(super) async fn ended(&mut self) {
        self.end.cancel();
        how_ended(&mut self.state).await;
    }
}

impl End {
    fn status(&self) -> Option<Status> {
        match self {
            Self::Replied(_) => None,
            Self::Unfit(_) => Some(Status::Error("Runtime.InitError")),
            Self::Exited(_) => Some(Status::Error("Runtime.ExitError")),
            Self::TimedOut => Some(Status::TimedOut),
        }
    }

    /// What the caller gets, and whether it is a failure.
    fn outcome(self, request_id: &str, seconds: u32) -> (Vec<u8>, bool) {
        match self {
            Self::Replied(Reply::Answer(payload)) => (payload, false),
            Self::Replied(Reply::Failure(error)) | Self::Unfit(error) => (error, true),
            Self::Replied(Reply::TooLarge) => (failure::too_large(), true),
            Self::Exited(how) => (failure::exited(request_id, &how), true),
            Self::TimedOut => (failure::timed_out(request_id, seconds), true),
        }
    }
}

async fn how_ended(state: &mut watch::Receiver<State>) -> String {
    let ended = state.wait_for(|state| matches!(state, State::Ended(_))).await;
    match ended.as_deref() {
        Ok(State::Ended(how)) => how.clone(),
        Ok(_) | Err(_) => failure::GONE.to_owned(),
    }
}

/// Serves the process until it ends or is to end, and takes away all that it has started.
async fn live(shared: Arc<Shared>, mut life: Life, port: Port) {
    let closing = CancellationToken::new();
    let (id, leader) = (life.id, life.leader);
    let end = async {
        tokio::select! {
            _ = life.child.wait() => {}
            () = life.end.cancelled() => {}
            () = shared.stop.cancelled() => {}
        }
        let of = id.clone();
        let swept = spawn_blocking(move || guard::sweep(&of, leader)).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, pid = leader.pid, "a function's processes could not be killed");
        }
        let status = life.child.wait().await;
        closing.cancel();
        status.map_or_else(|_| failure::GONE.to_owned(), failure::how)
    };
    let (how, (), _) = tokio::join!(
        end,
        port.serve(Arc::clone(&life.desk), closing.clone()),
        closing.run_until_cancelled(life.output.follow()),
    );
    life.output.drain();
    if let Err(error) = shared.guard.forget(&id) {
        tracing::warn!(%error, "the guard of functions' processes does not answer");
    }
    life.desk.ended(how);
}

/// The most memory that the process itself has had.
fn memory_used_mb(leader: Identity) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", leader.pid)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1_024))
}
