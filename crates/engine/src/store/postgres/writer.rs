//! The one writer of this server: gathers what waits into one transaction, and never guesses what became of it.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Trouble,
    connect::Place,
    plan::{Answer, Plan},
    schema,
    writing::Session,
};
use crate::{
    clock::{Clock as _, SystemClock},
    store::{Commit, Error},
};

/// Commits that wait at most; more callers wait for a place.
const QUEUE_MAX: usize = 4_096;
/// Commits that share one transaction at most.
const GROUP_MAX: usize = 512;
/// Times that a commit is tried which another server's got in the way of.
const CLASHES_MAX: usize = 8;
/// First and longest wait before a database that does not answer is asked again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// Held by the server that serves a database, as long as its writer's connection lasts. Drawn once, means nothing.
const SERVER_LOCK: i64 = 7_391_846_025_518_330_643;
/// How long a server that starts waits for one that stops.
const SERVER_LOCK_TIME_MAX: &str = "SET lock_timeout = '2s'";

type Job = (Commit, oneshot::Sender<Answer>);

/// The handle of the writer's thread. Dropping it waits until the thread has written what was queued, or has given up.
#[derive(Debug)]
pub struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    closing: CancellationToken,
    place: Arc<str>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        self.closing.cancel();
        if let Some(thread) = self.thread.take() {
            // WHY: a panic there has been reported by its hook.
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Connects, prepares the tables and starts the thread.
    pub async fn start(place: Place) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let (ready, is_ready) = oneshot::channel();
        let (closing, name) = (CancellationToken::new(), Arc::clone(&place.name));
        let hand = Hand {
            place,
            session: None,
            mark: SystemClock.entropy().cast_signed(),
            closing: closing.clone(),
        };
        let thread =
            thread::Builder::new().name("store-writer".to_owned()).spawn(move || work(hand, jobs, ready));
        let thread = thread.map_err(|source| failed("start the writer of", &name, &source.to_string()))?;
        // WHY: made before it is known whether the thread got ready, so that it is waited for in any case.
        let writer = Self { queue: Some(queue), thread: Some(thread), closing, place: name };
        is_ready.await.map_err(|_| writer.gone())??;
        Ok(writer)
    }

    /// Queues a commit and waits until it is durable or refused.
    pub async fn commit(&self, commit: Commit) -> Answer {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| self.gone())?;
        queue.send((commit, answer)).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> Error {
        failed("write", &self.place, "the writer has stopped")
    }
}

fn failed(operation: &str, place: &str, reason: &str) -> Error {
    Error::Unavailable { operation: format!("{operation} {place}"), reason: reason.to_owned() }
}

/// The thread. WHY one, with a runtime of its own: commits do not wait for the turns of other work.
fn work(mut hand: Hand, jobs: mpsc::Receiver<Job>, ready: oneshot::Sender<Result<(), Error>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            let _ = ready.send(Err(failed("start the writer of", &hand.place.name, &source.to_string())));
            return;
        }
    };
    runtime.block_on(async {
        let opened = hand.connect().await.map(|session| hand.session = Some(session));
        let is_open = opened.is_ok();
        let _ = ready.send(opened.map_err(|trouble| hand.unavailable("open", &trouble)));
        if is_open {
            hand.serve(jobs).await;
        }
    });
}

/// What the thread holds.
struct Hand {
    place: Place,
    /// None: lost, or not yet there.
    session: Option<Session>,
    /// Of the last transaction that was tried; drawn at the start, so that it is no other server's.
    mark: i64,
    closing: CancellationToken,
}

impl Hand {
    async fn serve(&mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.recv().await {
            let mut group = vec![first];
            while group.len() < GROUP_MAX {
                match jobs.try_recv() {
                    Ok(job) => group.push(job),
                    Err(_) => break,
                }
            }
            let (commits, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let results = self.write(&commits).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // WHY: who does not wait any more does not need the answer.
                let _ = answer.send(result);
            }
        }
    }

    /// One transaction for all; a conflict refuses only its own commit. If the transaction fails, each commit is tried
    /// alone, so that one that cannot be written takes no other with it.
    async fn write(&mut self, commits: &[Commit]) -> Vec<Answer> {
        if let Ok(answers) = self.attempt(commits).await {
            return answers;
        }
        let mut answers = Vec::with_capacity(commits.len());
        for commit in commits {
            answers.push(self.write_alone(commit).await);
        }
        answers
    }

    async fn write_alone(&mut self, commit: &Commit) -> Answer {
        let mut last = Trouble::Refused("other servers write the same things all the time".to_owned());
        for _ in 0..CLASHES_MAX {
            match self.attempt(std::slice::from_ref(commit)).await {
                Ok(answers) => return answers.into_iter().next().unwrap_or_else(|| Ok(Vec::new())),
                Err(trouble) if trouble.is_passing() => last = trouble,
                Err(trouble) => {
                    last = trouble;
                    break;
                }
            }
        }
        let error = self.unavailable("write", &last);
        tracing::error!(%error, "a commit was not written");
        Err(error)
    }

    /// One transaction. After an error nothing of it was written.
    async fn attempt(&mut self, commits: &[Commit]) -> Result<Vec<Answer>, Trouble> {
        let session = match self.session.take() {
            Some(session) if !session.client().is_closed() => session,
            _ => self.connect().await?,
        };
        let found = match session.begin(commits).await {
            Ok(begun) => begun,
            Err(trouble) => return Err(self.keep_if_usable(session, trouble).await),
        };
        let plan = Plan::of(commits, found);
        self.mark = self.mark.wrapping_add(1);
        let written =
            if plan.is_empty() { session.give_up().await } else { session.finish(&plan, self.mark).await };
        match written {
            Ok(()) => {
                self.session = Some(session);
                Ok(plan.answers)
            }
            Err(Trouble::Lost(reason)) if !plan.is_empty() => {
                tracing::warn!(reason, place = %self.place.name, "the database went away during a commit");
                if self.was_committed().await? { Ok(plan.answers) } else { Err(Trouble::Lost(reason)) }
            }
            Err(trouble) => Err(self.keep_if_usable(session, trouble).await),
        }
    }

    async fn keep_if_usable(&mut self, session: Session, trouble: Trouble) -> Trouble {
        if session.give_up().await.is_ok() {
            self.session = Some(session);
        }
        trouble
    }

    /// Whether the transaction was committed whose commit was not answered.
    // INVARIANT: nobody is told that nothing was written before the database says so.
    async fn was_committed(&mut self) -> Result<bool, Trouble> {
        let mut wait = BACKOFF.0;
        loop {
            // WHY no transaction can still be under way: who holds the server's lock is alone, and it is let go with the
            // end of the connection that had it.
            match self.last_mark().await {
                Ok(mark) => return Ok(mark == self.mark),
                Err(trouble) => tracing::warn!(%trouble, "the outcome of a commit is not known; asked again"),
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(BACKOFF.1),
                () = self.closing.cancelled() => {
                    return Err(Trouble::Refused("whether it was written is not known: the server stops".to_owned()));
                }
            }
        }
    }

    async fn last_mark(&mut self) -> Result<i64, Trouble> {
        let session = self.connect().await?;
        let mark = session.last_mark().await?;
        self.session = Some(session);
        Ok(mark)
    }

    /// A connection that holds the server's lock and has its statements ready.
    async fn connect(&self) -> Result<Session, Trouble> {
        let mut client = self.place.connect().await?;
        client.batch_execute(SERVER_LOCK_TIME_MAX).await?;
        if let Err(error) = client.execute("SELECT pg_advisory_lock($1)", &[&SERVER_LOCK]).await {
            return Err(match Trouble::from(error) {
                Trouble::Passing(_) => Trouble::Refused(
                    "another server serves this database; stop it, or give this one another database"
                        .to_owned(),
                ),
                trouble => trouble,
            });
        }
        client.batch_execute("SET lock_timeout = '10s'").await?;
        schema::prepare(&mut client).await?;
        Session::new(client).await
    }

    fn unavailable(&self, operation: &str, trouble: &Trouble) -> Error {
        failed(operation, &self.place.name, &trouble.to_string())
    }
}
