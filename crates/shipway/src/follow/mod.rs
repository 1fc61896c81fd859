//! Follows a deployment to its end: a live block on a terminal, plain lines or JSON elsewhere. Changes nothing.

mod block;
mod summary;

use std::time::Duration;

use shipway_control::app::{Deployment, Outcome};
use shipway_server::wire::Event;
use tokio::time::{Instant, sleep, sleep_until};

pub use self::summary::summary;
use crate::{
    api::{Api, Error, EventStream, Message},
    context::Context,
    exit::Code,
    failure::Failure,
    local,
    words::{clean, span},
};

/// How often a live block is drawn anew.
const FRAME: Duration = Duration::from_millis(150);
/// How often a deployment is looked at where no block is drawn.
const LOOK: Duration = Duration::from_secs(2);
/// How long a server that is gone is waited for.
const ABSENCE_MAX: Duration = Duration::from_secs(60);
/// Pauses between two attempts to reach it.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);

/// Follows a deployment until it has ended or Ctrl-C is pressed, and shows how it ended. `meaning` says what its end
/// means for who asked: the same code is shown and given.
pub async fn to_end(
    cx: &Context,
    api: Api,
    id: &str,
    meaning: impl FnOnce(Code) -> Code,
) -> Result<Code, Failure> {
    let mut follower = Follower { cx, api, id, after: 0, shows_events: cx.out.is_json(), is_stalled: false };
    let ended = tokio::select! {
        ended = follower.follow() => ended?,
        _ = tokio::signal::ctrl_c() => {
            detach(cx, id);
            return Ok(Code::Interrupted);
        }
    };
    cx.out.clear();
    let api = follower.api;
    let code = meaning(Code::of(ended.outcome));
    show_end(cx, &api, &ended, code).await?;
    Ok(code)
}

/// Follows a deployment until it has ended; no summary, no events on stdout.
pub async fn quietly(cx: &Context, api: &Api, id: &str) -> Result<Deployment, Failure> {
    let mut follower =
        Follower { cx, api: api.clone(), id, after: 0, shows_events: false, is_stalled: false };
    let ended = follower.follow().await;
    cx.out.clear();
    ended
}

async fn show_end(cx: &Context, api: &Api, ended: &Deployment, code: Code) -> Result<(), Failure> {
    if !cx.out.is_json() {
        let steps = api.steps(&ended.id).await.unwrap_or_default();
        return cx.out.text(&summary(ended, &steps, &api.page(&ended.id), cx.out.data()));
    }
    let mut document =
        serde_json::to_value(ended).map_err(|error| Failure::of("cannot write JSON", &error))?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("code".to_owned(), code.name().into());
        fields.insert("page".to_owned(), api.page(&ended.id).into());
    }
    cx.out.json_line(&document)
}

fn detach(cx: &Context, id: &str) {
    cx.out.say("");
    cx.out.warn("detached; the deployment goes on");
    cx.out.say(&format!("  watch it: shipway watch {id}\n  stop it:  shipway halt {id}"));
}

struct Follower<'a> {
    cx: &'a Context,
    api: Api,
    id: &'a str,
    /// The last event that was seen.
    after: u64,
    /// Whether each event is written to stdout.
    shows_events: bool,
    /// Whether it was said that the deployment stands still.
    is_stalled: bool,
}

/// How a stream of events ended.
enum Ended {
    /// The execution has ended.
    Execution,
    /// The server or the connection has gone.
    Connection(String),
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<Deployment, Failure> {
        let mut is_known = false;
        // Each turn follows a stream to its end, or fails.
        loop {
            let reason = match self.api.events(self.id, self.after).await {
                Ok(stream) => {
                    is_known = true;
                    match self.read(stream).await? {
                        Ended::Execution => match self.api.deployment(self.id).await {
                            Ok(deployment) if deployment.outcome != Outcome::Running => {
                                return Ok(deployment);
                            }
                            Ok(_) => "it ended the stream too early".to_owned(),
                            Err(error) => error.to_string(),
                        },
                        Ended::Connection(reason) => reason,
                    }
                }
                Err(error @ Error::Unreachable { .. }) => error.to_string(),
                Err(Error::Problem(problem)) if is_known && problem.status >= 500 => problem.detail,
                Err(error) => return Err(error.into()),
            };
            self.come_back(&reason).await?;
        }
    }

    /// Reads a stream to its end, and looks at the deployment meanwhile.
    async fn read(&mut self, mut stream: EventStream) -> Result<Ended, Failure> {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    None => return Ok(Ended::Connection("the stream of events broke off".to_owned())),
                    Some(message) => if let Some(ended) = self.take(&message)? { return Ok(ended) },
                },
                () = sleep_until(next) => {
                    self.look().await;
                    next = Instant::now() + if self.cx.out.is_live() { FRAME } else { LOOK };
                }
            }
        }
    }

    fn take(&mut self, message: &Message) -> Result<Option<Ended>, Failure> {
        match message.event.as_str() {
            "end" => return Ok(Some(Ended::Execution)),
            "problem" => return Ok(Some(Ended::Connection(problem(&message.data)))),
            _ => {}
        }
        let event: Event = serde_json::from_str(&message.data)
            .map_err(|error| Failure::failed(format!("an event of the server is not understood: {error}")))?;
        if event.id <= self.after {
            return Ok(None);
        }
        self.after = event.id;
        if self.shows_events {
            self.cx.out.json_line(&event)?;
        } else if !self.cx.out.is_live()
            && let Some(line) = line(&event)
        {
            self.cx.out.say(&line);
        }
        Ok(None)
    }

    async fn look(&mut self) {
        // What cannot be seen is not shown; the stream tells if the server is gone.
        let Ok(deployment) = self.api.deployment(self.id).await else { return };
        if self.cx.out.is_live() {
            self.cx.out.block(&block::lines(&deployment, self.cx.now(), self.cx.out.talk()));
        } else if deployment.stalled.is_some() != self.is_stalled {
            self.is_stalled = !self.is_stalled;
            match &deployment.stalled {
                Some(stalled) => self.cx.out.warn(&clean(stalled, 300)),
                None => self.cx.out.say("the store can be written again; the deployment goes on"),
            }
        }
    }

    /// Waits until a server answers again: perhaps at another address.
    async fn come_back(&mut self, reason: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + ABSENCE_MAX;
        let mut pause = BACK_OFF_MIN;
        let mut has_said = false;
        loop {
            if let Ok(Some(api)) = local::find(self.cx).await
                && api.health().await.is_ok()
            {
                if has_said {
                    self.cx.out.say("the server is back");
                }
                self.api = api;
                // A server that breaks off at once is not asked in a tight loop.
                sleep(BACK_OFF_MIN).await;
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!(
                    "no server has answered for {} s; the deployment goes on when one runs again",
                    ABSENCE_MAX.as_secs()
                ))
                .hint(format!("`shipway serve` starts one, then `shipway watch {}` shows more", self.id)));
            }
            if !has_said {
                has_said = true;
                self.cx.out.say(&format!(
                    "lost the server ({reason}); trying for up to {} s",
                    ABSENCE_MAX.as_secs()
                ));
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(BACK_OFF_MAX);
        }
    }
}

fn problem(data: &str) -> String {
    let problem: Option<shipway_server::wire::Problem> = serde_json::from_str(data).ok();
    problem.map_or_else(|| "the server could not go on".to_owned(), |problem| problem.detail)
}

/// A plain line for a change of state; other events have none.
fn line(event: &Event) -> Option<String> {
    let time = event.timestamp;
    let error = || {
        let (error, cause) =
            (event.detail("error").unwrap_or("?"), event.detail("cause").unwrap_or_default());
        clean(&format!("{error}: {cause}"), 300)
    };
    let kind = event.kind.as_str();
    let state = event.state.as_deref();
    match (kind, state) {
        (_, Some(state)) if kind.ends_with("StateEntered") => {
            let is_quiet =
                kind.starts_with("Choice") || kind.starts_with("Succeed") || kind.starts_with("Fail");
            (!is_quiet).then(|| format!("{time} {state}"))
        }
        ("TaskFailed" | "TaskTimedOut" | "LambdaFunctionFailed" | "LambdaFunctionTimedOut", _) => {
            Some(format!("{time}   {}", error()))
        }
        _ => None,
    }
}

/// How long a deployment took or takes.
fn duration(deployment: &Deployment, now: shipway_asl::Timestamp) -> String {
    span(deployment.ended_at.unwrap_or(now).millis_since(deployment.started_at))
}
