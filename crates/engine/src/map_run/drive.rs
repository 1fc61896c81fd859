//! The driver of one Map Run: looks at its phase, does what that asks for, and writes down what came of it.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use shipway_asl::map_run::{ChildInput, ExecutionType, MapRunInput, Phase, Unsuccessful};
use shipway_asl::{Input, MapRunResult, Start, Status};

use super::{
    Desk, Post,
    prepare::prepare,
    record,
    record::{Inputs, Kept},
    write::write,
};
use crate::{
    engine::Error,
    executor::{Core, parse_snapshot},
    launch::Origin,
    redrive::obstacle,
    store::{self, Commit, Put},
};

/// Children that are started or stopped at a time.
const AT_ONCE: usize = 64;
/// First and longest wait before something is tried again that the store could not take.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Records that one commit forgets.
const FORGOTTEN_PER_COMMIT: usize = 500;

/// A Map Run in its driver's hands.
struct Driven<'a> {
    core: &'a Arc<Core>,
    desk: &'a Desk,
    kept: Kept,
    /// What the parent was started with; none if it is not there any more.
    parent: Option<Start>,
    version: u64,
    /// Children before this one have been started, or stopped, by this driver.
    looked_at: u32,
    /// For which phase `looked_at` counts.
    phase: Phase,
}

impl Core {
    /// Drives a Map Run to its end, however long the store cannot take it.
    pub(super) async fn drive_surely(self: &Arc<Self>, arn: &str, desk: &Desk) {
        let mut wait = BACKOFF.0;
        loop {
            let error = match self.drive(arn, desk).await {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::warn!(%error, arn, "a Map Run could not be driven on; tried again");
            let due = self.clock.now().plus_millis(u64::try_from(wait.as_millis()).unwrap_or(0));
            self.clock.sleep_until(due).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    async fn drive(self: &Arc<Self>, arn: &str, desk: &Desk) -> Result<(), Error> {
        // WHY: what is read from here on is of after the redrive.
        desk.post().is_redriven = false;
        let Some((kept, version)) = record::load(&*self.store, arn).await? else { return Ok(()) };
        let phase = kept.map_run.phase();
        let parent = self.store.execution(&kept.parent).await?;
        let parent = parent.as_ref().map(parse_snapshot).transpose()?.map(|parent| parent.start().clone());
        let mut driven = Driven { core: self, desk, kept, parent, version, looked_at: 0, phase };
        driven.notice_absent_parent().await?;
        loop {
            if driven.phase != driven.kept.map_run.phase() {
                (driven.phase, driven.looked_at) = (driven.kept.map_run.phase(), 0);
            }
            match driven.phase {
                Phase::Preparing => {
                    let prepared = prepare(self, &driven.kept).await?;
                    driven.take_one(prepared, None).await?;
                }
                Phase::Redriving => {
                    let found = unsuccessful(self, &driven.kept).await?;
                    driven.take_one(MapRunInput::Found(found), None).await?;
                }
                Phase::Running => driven.run_children().await?,
                Phase::Stopping => driven.stop_children().await?,
                Phase::Writing => {
                    let (written, result) = write(self, &driven.kept).await?;
                    driven.take_one(written, result).await?;
                }
                Phase::Over => return driven.forget_inputs().await,
            }
            if desk.post().is_redriven {
                // WHY: the record is another one by now.
                return Ok(());
            }
        }
    }
}

impl Driven<'_> {
    /// After a restart: a parent that does not wait any more has said so to nobody.
    async fn notice_absent_parent(&mut self) -> Result<(), Error> {
        if self.kept.map_run.phase() == Phase::Over || self.parent_waits().await? {
            return Ok(());
        }
        self.take_one(MapRunInput::Aborted, None).await
    }

    async fn parent_waits(&self) -> Result<bool, Error> {
        let row = self.core.store.execution(&self.kept.parent).await?;
        let Some(row) = row.filter(|row| row.status == Status::Running) else { return Ok(false) };
        Ok(parse_snapshot(&row)?.waits_for_map_run(self.kept.plan.run))
    }

    /// Starts the children that are to run and waits for news.
    async fn run_children(&mut self) -> Result<(), Error> {
        self.look_at_children(&[Input::Start]).await?;
        self.hear().await
    }

    /// Stops the children that run and waits for news.
    async fn stop_children(&mut self) -> Result<(), Error> {
        let stop = || Input::Stop { error: None, cause: None };
        self.look_at_children(&[Input::Start, stop()]).await?;
        self.hear().await
    }

    /// Gives these inputs to each child that is to run and has not got them.
    async fn look_at_children(&mut self, inputs: &[Input]) -> Result<(), Error> {
        let running = self.kept.map_run.running().filter(|child| *child >= self.looked_at);
        let running: Vec<u32> = running.collect();
        let mut ready = Inputs::default();
        for some in running.chunks(AT_ONCE) {
            let mut children = Vec::new();
            for child in some {
                children.push(ready.find(&*self.core.store, &self.kept.plan.arn, *child).await?);
            }
            let this = &*self;
            stream::iter(some.iter().copied().zip(children).map(Ok))
                .try_for_each_concurrent(None, |(child, input)| this.bring(child, input, inputs))
                .await?;
        }
        // INVARIANT: children come to run in ascending order, also those that are redriven.
        self.looked_at = running.last().map_or(self.looked_at, |last| last + 1);
        Ok(())
    }

    /// Starts a child unless it has been started, since its ARN can be taken only once, and has it take what comes
    /// after the start. WHY: a child that is only started to be stopped must not have a task dispatched.
    async fn bring(&self, child: u32, input: Option<ChildInput>, inputs: &[Input]) -> Result<(), Error> {
        let (core, kept) = (self.core, &self.kept);
        let arn = kept.plan.child_arn(child);
        if core.store.execution(&arn).await?.is_none() {
            let Some(parent) = &self.parent else {
                self.desk.child_ended(child, Status::Aborted);
                return Ok(());
            };
            let input = input.ok_or_else(|| record::no_input(&kept.plan.arn, child))?;
            let execution = kept.plan.child(parent, child, input.input, kept.map_run.redrives());
            match core
                .start_execution(execution, kept.revision, Origin::default(), inputs.to_vec(), Vec::new())
                .await
            {
                Err(Error::Store(store::Error::Conflict { .. })) => {}
                started => return started,
            }
        }
        if kept.map_run.phase() == Phase::Running {
            self.redrive_child(&arn).await?;
        }
        let after = inputs.get(1..).unwrap_or_default().to_vec();
        if !after.is_empty() {
            match core.deliver(&arn, after, Vec::new()).await {
                // WHY: it has ended by itself, which is looked at next.
                Err(Error::NotWaiting(_)) => {}
                delivered => delivered?,
            }
        }
        // WHY: nobody may have told that it has ended.
        let row = core.store.execution(&arn).await?;
        if let Some(row) = row.filter(|row| row.status != Status::Running) {
            self.desk.child_ended(child, row.status);
        }
        Ok(())
    }

    /// Takes a child up again that ended before this attempt: the child knows the attempt that it was run in, so that no
    /// crash makes it run twice.
    async fn redrive_child(&self, arn: &str) -> Result<(), Error> {
        let attempt = self.kept.map_run.redrives();
        let row = self.core.store.execution(arn).await?;
        let Some(row) = row.filter(|row| attempt > 0 && row.status != Status::Running) else { return Ok(()) };
        let is_of_before = parse_snapshot(&row)?.child_of().is_some_and(|child| child.attempt < attempt);
        if !is_of_before {
            return Ok(());
        }
        match self.core.deliver(arn, vec![Input::Redrive { attempt: Some(attempt) }], Vec::new()).await {
            // WHY: it cannot be redriven any more, and stays as it ended.
            Err(Error::NotWaiting(_)) => Ok(()),
            redriven => redriven,
        }
    }

    /// Waits for news and takes all of it in one commit.
    async fn hear(&mut self) -> Result<(), Error> {
        let phase = self.kept.map_run.phase();
        if !matches!(phase, Phase::Running | Phase::Stopping) {
            return Ok(());
        }
        self.desk.bell.notified().await;
        let Post { ended, is_aborted, updates, is_redriven, .. } = self.desk.take();
        if is_redriven {
            // WHY: the record is another one by now. What has ended is seen in the children's rows.
            self.desk.redrive();
            return Ok(());
        }
        // WHY: the parent may have been redriven since it ended.
        let is_aborted = is_aborted && !self.parent_waits().await?;
        let mut next = self.kept.clone();
        let now = self.core.clock.now();
        let before = next.map_run.clone();
        if is_aborted {
            // WHY: refused only if it is over, and then nothing is left to be stopped.
            drop(next.map_run.take(MapRunInput::Aborted, now));
        }
        let mut answers = Vec::new();
        for update in updates {
            let taken = next.map_run.take(update.input, now);
            answers.push((update.done, taken.map_err(|_| Error::NotWaiting(next.plan.arn.clone()))));
        }
        for (child, status) in &ended {
            // WHY: an end may be told twice, by the child and by who looked after it.
            drop(next.map_run.take(MapRunInput::ChildEnded { child: *child, status: *status }, now));
        }
        let written = if next.map_run == before { Ok(()) } else { self.write_down(next, None).await };
        if let Err(error) = written {
            let mut post = self.desk.post();
            post.ended.extend(ended);
            post.is_aborted |= is_aborted;
            drop(post);
            self.desk.bell.notify_one();
            return Err(error);
        }
        for (done, answer) in answers {
            // WHY: who has asked may have gone.
            drop(done.send(answer));
        }
        Ok(())
    }

    async fn take_one(&mut self, input: MapRunInput, result: Option<MapRunResult>) -> Result<(), Error> {
        let mut next = self.kept.clone();
        if next.map_run.take(input, self.core.clock.now()).is_err() {
            return Ok(());
        }
        self.write_down(next, result).await
    }

    /// Makes the next version durable. Once it is over, in one commit with what that means for the parent.
    async fn write_down(&mut self, next: Kept, result: Option<MapRunResult>) -> Result<(), Error> {
        let mut puts = vec![next.put(self.version)];
        let is_over = next.map_run.phase() == Phase::Over;
        if !is_over {
            self.core.store.commit(Commit { execution: None, records: puts }).await?;
            return self.written(next);
        }
        let result = match next.map_run.failure() {
            Some(failure) => Some(MapRunResult::Failed(failure.clone())),
            None => result,
        };
        puts.push(next.close());
        let told = match result.filter(|_| next.map_run.status() != Status::Aborted) {
            None => Err(Error::NotWaiting(next.parent.clone())),
            Some(result) => {
                let ended = Input::MapRunEnded { run: next.plan.run, result };
                self.core.deliver(&next.parent, vec![ended], puts.clone()).await
            }
        };
        match told {
            Ok(()) => self.written(next),
            Err(Error::NotWaiting(_) | Error::NoExecution(_)) => self.end_untold(next).await,
            Err(error) => Err(error),
        }
    }

    /// Ends without telling the parent, who does not wait any more: it has been aborted then.
    async fn end_untold(&mut self, next: Kept) -> Result<(), Error> {
        let next = if next.map_run.status() == Status::Aborted {
            next
        } else {
            let mut aborted = self.kept.clone();
            drop(aborted.map_run.take(MapRunInput::Aborted, self.core.clock.now()));
            aborted
        };
        let mut puts: Vec<Put> = vec![next.put(self.version)];
        if next.map_run.phase() == Phase::Over {
            puts.push(next.close());
        }
        self.core.store.commit(Commit { execution: None, records: puts }).await?;
        self.written(next)
    }

    fn written(&mut self, next: Kept) -> Result<(), Error> {
        self.kept = next;
        self.version += 1;
        Ok(())
    }

    /// The inputs of the children are kept with the children.
    async fn forget_inputs(&self) -> Result<(), Error> {
        let map_run = &self.kept.map_run;
        // WHY: a redrive would start those that were not started.
        let puts = record::no_inputs(&self.kept.plan.arn, map_run.next_child(), map_run.children());
        for puts in puts.chunks(FORGOTTEN_PER_COMMIT) {
            self.core.store.commit(Commit { execution: None, records: puts.to_vec() }).await?;
        }
        Ok(())
    }
}

/// The children of before a redrive that have not succeeded.
async fn unsuccessful(core: &Core, kept: &Kept) -> Result<Unsuccessful, Error> {
    let mut found = Unsuccessful::default();
    let look = |child: u32| {
        let arn = kept.plan.child_arn(child);
        async move { (child, core.store.execution(&arn).await) }
    };
    let mut rows = std::pin::pin!(stream::iter(0..kept.map_run.next_child()).map(look).buffered(AT_ONCE));
    while let Some((child, row)) = rows.next().await {
        let Some(row) = row? else { continue };
        let is_lost =
            kept.plan.execution_type == ExecutionType::Standard && obstacle(&row, core.clock.now()).is_some();
        match row.status {
            Status::Succeeded => {}
            _ if is_lost => found.push_lost(child),
            status => found.push(child, status),
        }
    }
    Ok(found)
}
