//! The only place that reads time and entropy.

use async_trait::async_trait;
use shipway_asl::Timestamp;

/// Time and entropy, so that tests can own both.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
    /// A random number.
    fn entropy(&self) -> u64;
    /// Returns at `due` or later.
    async fn sleep_until(&self, due: Timestamp);
}

/// The machine's clock and random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        todo!()
    }
    fn entropy(&self) -> u64 {
        todo!()
    }
    async fn sleep_until(&self, _due: Timestamp) {
        todo!()
    }
}

/// A clock that stands still until told, or until everybody waits; entropy comes from a seed.
#[derive(Debug)]
pub struct VirtualClock;

impl VirtualClock {
    /// A clock at `now`.
    pub fn new(_now: Timestamp, _seed: u64) -> Self {
        todo!()
    }
    /// Moves time on and wakes who waits for it.
    pub fn advance(&self, _millis: u64) {
        todo!()
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        todo!()
    }
    fn entropy(&self) -> u64 {
        todo!()
    }
    async fn sleep_until(&self, _due: Timestamp) {
        todo!()
    }
}
