//! A clock for tests: time moves only when everybody waits for it, so hours pass in no time and nothing is flaky.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use shipway_asl::Timestamp;
use shipway_engine::Clock;
use tokio::sync::oneshot;

/// Turns that everybody gets to do something before time moves on.
const IDLE_TURNS: usize = 64;

#[derive(Default)]
struct State {
    now: i64,
    seed: u64,
    /// Activity: who calls the clock is not idle.
    calls: u64,
    sleepers: BTreeMap<(i64, u64), oneshot::Sender<()>>,
    next: u64,
}

/// Time that moves by itself when the runtime (one thread) has nothing else to do.
#[derive(Clone)]
pub struct IdleClock(Arc<Mutex<State>>);

impl IdleClock {
    /// A clock; its driver runs as long as the runtime.
    pub fn start(seed: u64) -> Arc<Self> {
        let clock = Self(Arc::new(Mutex::new(State { now: 1_764_000_000_000, seed, ..State::default() })));
        let driven = clock.clone();
        tokio::spawn(async move {
            loop {
                driven.until_idle().await;
                driven.wake_next();
            }
        });
        Arc::new(clock)
    }

    /// Returns when nobody has touched the clock for a while.
    async fn until_idle(&self) {
        let mut seen = self.0.lock().unwrap().calls;
        let mut idle = 0;
        while idle < IDLE_TURNS {
            tokio::task::yield_now().await;
            let calls = self.0.lock().unwrap().calls;
            idle = if calls == seen { idle + 1 } else { 0 };
            seen = calls;
        }
    }

    fn wake_next(&self) {
        let mut state = self.0.lock().unwrap();
        if let Some(((due, _), sleeper)) = state.sleepers.pop_first() {
            state.now = state.now.max(due);
            let _ = sleeper.send(());
        }
    }
}

#[async_trait]
impl Clock for IdleClock {
    fn now(&self) -> Timestamp {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        Timestamp(state.now)
    }

    fn entropy(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        state.seed =
            state.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = state.seed ^ (state.seed >> 33);
        mixed.wrapping_mul(0xff51_afd7_ed55_8ccd)
    }

    async fn sleep_until(&self, due: Timestamp) {
        let woken = {
            let mut state = self.0.lock().unwrap();
            state.calls += 1;
            if due.0 <= state.now {
                None
            } else {
                let (send, receive) = oneshot::channel();
                state.next += 1;
                let key = (due.0, state.next);
                state.sleepers.insert(key, send);
                Some(receive)
            }
        };
        if let Some(woken) = woken {
            let _ = woken.await;
        }
    }
}
