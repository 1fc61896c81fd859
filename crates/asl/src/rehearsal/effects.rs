//! What each effect means in a rehearsal. The only match over effects: a new effect is one arm here.

use super::driver::{Driver, Due};
use super::{Answer, Ending, Mocks, Performed};
use crate::moment::{Effect, Input, ScheduledTask};

impl Driver<'_> {
    /// Does what the execution asks of the world.
    pub(super) fn perform(&mut self, effect: Effect, mocks: &mut dyn Mocks) {
        match effect {
            Effect::ScheduleTask(task) => self.schedule(task, mocks),
            Effect::StartTimer { timer, due } => {
                self.drop_timer(timer);
                self.put(due, Due::Timer { timer });
            }
            Effect::CancelTimer { timer } => self.drop_timer(timer),
            Effect::CancelTask { task } => self.close(task),
            Effect::StartMapRun(plan) => self.start_map_run(*plan, mocks),
            Effect::AbortMapRun { run, .. } => self.drop_map_run(run),
            // WHY: a rehearsal is over with its first end.
            Effect::RedriveMapRun { .. } => {}
            Effect::Complete => self.ending = Some(Ending::Completed),
        }
    }

    fn schedule(&mut self, task: ScheduledTask, mocks: &mut dyn Mocks) {
        let answer = match mocks.answer(&task, self.now) {
            Ok(answer) => answer,
            Err(reason) => {
                self.ending.get_or_insert(Ending::NoAnswer { state: task.state.clone(), reason });
                Answer::never()
            }
        };
        let id = task.task;
        self.open(Performed { task, at: self.now, answer: answer.clone(), is_open: true });
        self.plan(id, &answer);
    }

    /// Puts what the answer says into the queue.
    fn plan(&mut self, task: u64, answer: &Answer) {
        if answer.is_started {
            self.put(self.now, Due::Task(Input::TaskStarted { task, worker: answer.worker.clone() }));
        }
        if let Some(output) = answer.submitted.clone() {
            self.put(self.now, Due::Task(Input::TaskSubmitted { task, output }));
        }
        let outcome_at = self.now.plus_millis(answer.delay_millis);
        if let Some(millis) = answer.heartbeat_millis.filter(|millis| *millis > 0) {
            let until = answer.outcome.is_some().then_some(outcome_at);
            self.put(self.now.plus_millis(millis), Due::Heartbeat { task, millis, until });
        }
        let input = match answer.outcome.clone() {
            None => return,
            Some(Ok(output)) => Input::TaskSucceeded { task, output },
            Some(Err((error, cause))) => Input::TaskFailed { task, error, cause },
        };
        self.put(outcome_at, Due::Task(input));
    }
}
