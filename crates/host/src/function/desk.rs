//! Where a process and its caller meet: the process asks for the next call, the caller leaves it and waits for the answer.
//! Knows no HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use shipway_control::function::Invocation;
use tokio::sync::{mpsc, oneshot, watch};

/// How a process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has not asked for a call yet.
    Starting,
    /// It waits for a call.
    Ready,
    /// It has a call.
    Busy,
    /// It says that it cannot start.
    Unfit(Arc<Vec<u8>>),
    /// It has ended: how.
    Ended(String),
}

/// A call for the process.
pub(super) struct Job {
    /// The call.
    pub(super) invocation: Arc<Invocation>,
    /// When it must have ended, in milliseconds since 1970.
    pub(super) deadline_millis: i64,
    /// Who waits for the answer.
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What a process answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The result.
    Answer(Vec<u8>),
    /// An error.
    Failure(Vec<u8>),
    /// More than an answer may have.
    TooLarge,
}

/// Why the process is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has not answered the call before.
    State,
    /// It answers a call that it does not have.
    Id,
    /// Nobody will leave a call any more.
    Closed,
}

/// The place of one process.
pub(super) struct Desk {
    state: watch::Sender<State>,
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
}

impl Desk {
    /// A place, and where callers leave calls.
    pub(super) fn new() -> (Self, mpsc::Sender<Job>) {
        let (leave, jobs) = mpsc::channel(1);
        let (state, _) = watch::channel(State::Starting);
        (Self { state, jobs: jobs.into(), current: Mutex::default() }, leave)
    }

    /// How the process stands, now and later.
    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The process asks for a call, and waits for it.
    pub(super) async fn next(&self) -> Result<(Arc<Invocation>, i64), Refused> {
        if self.current().is_some() {
            return Err(Refused::State);
        }
        self.turn(State::Ready);
        let job = self.jobs.lock().await.recv().await.ok_or(Refused::Closed)?;
        self.turn(State::Busy);
        *self.current() = Some((job.invocation.request_id.clone(), job.reply));
        Ok((job.invocation, job.deadline_millis))
    }

    /// The process answers.
    pub(super) fn answer(&self, request_id: &str, reply: Reply) -> Result<(), Refused> {
        let mut current = self.current();
        match current.take_if(|(id, _)| id == request_id) {
            Some((_, waits)) => {
                // WHY: a caller that has given up does not matter to the process.
                let _ = waits.send(reply);
                Ok(())
            }
            None => Err(Refused::Id),
        }
    }

    /// The process cannot start.
    pub(super) fn unfit(&self, error: Vec<u8>) -> Result<(), Refused> {
        let is_starting = self.state.send_if_modified(|state| match state {
            State::Starting => {
                *state = State::Unfit(Arc::new(error));
                true
            }
            State::Ready | State::Busy | State::Unfit(_) | State::Ended(_) => false,
        });
        if is_starting { Ok(()) } else { Err(Refused::State) }
    }

    /// The process has ended.
    pub(super) fn ended(&self, how: String) {
        self.state.send_replace(State::Ended(how));
        *self.current() = None;
    }

    fn turn(&self, next: State) {
        self.state.send_if_modified(|state| match state {
            State::Starting | State::Ready | State::Busy => {
                *state = next;
                true
            }
            State::Unfit(_) | State::Ended(_) => false,
        });
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<(String, oneshot::Sender<Reply>)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> (Job, oneshot::Receiver<Reply>) {
        let (reply, answer) = oneshot::channel();
        let invocation = Invocation {
            request_id: id.to_owned(),
            payload: b"{}".to_vec(),
            client_context: None,
            arn: String::new(),
            trace_id: String::new(),
        };
        (Job { invocation: Arc::new(invocation), deadline_millis: 0, reply }, answer)
    }

    #[tokio::test]
    async fn a_call_is_answered_once_and_by_its_id() {
        let (desk, leave) = Desk::new();
        let (job, answer) = job("a");
        leave.send(job).await.unwrap();
        assert_eq!(desk.next().await.unwrap().0.request_id, "a");
        assert_eq!(desk.next().await.unwrap_err(), Refused::State);
        assert_eq!(desk.answer("b", Reply::TooLarge), Err(Refused::Id));
        desk.answer("a", Reply::Answer(b"1".to_vec())).unwrap();
        assert_eq!(desk.answer("a", Reply::TooLarge), Err(Refused::Id));
        assert_eq!(answer.await.unwrap(), Reply::Answer(b"1".to_vec()));
        drop(leave);
        assert_eq!(desk.next().await.unwrap_err(), Refused::Closed);
    }

    #[tokio::test]
    async fn what_has_ended_stays_so_and_its_caller_hears_of_it() {
        let (desk, leave) = Desk::new();
        let (job, answer) = job("a");
        leave.send(job).await.unwrap();
        desk.next().await.unwrap();
        desk.ended("gone".to_owned());
        assert!(answer.await.is_err());
        assert_eq!(desk.unfit(Vec::new()), Err(Refused::State));
        drop(leave);
        assert_eq!(desk.next().await.unwrap_err(), Refused::Closed);
        assert_eq!(*desk.watch().borrow(), State::Ended("gone".to_owned()));
    }
}
