//! Signatures that were taken, for as long as they would be good. Holds so many at most; then it takes no more.

use std::collections::BTreeSet;

use shipway_asl::Timestamp;

use super::Refusal;

/// Signatures at once: 1,600 a second over five minutes.
pub const REPLAYS_MAX: usize = 500_000;

/// Taken signatures by their end. The end follows from what is signed, so one signature has one end.
#[derive(Debug)]
pub struct Replays {
    taken: BTreeSet<(Timestamp, [u8; 32])>,
    most: usize,
}

impl Default for Replays {
    fn default() -> Self {
        Self::of(REPLAYS_MAX)
    }
}

impl Replays {
    /// Room for so many.
    pub fn of(most: usize) -> Self {
        Self { taken: BTreeSet::new(), most }
    }

    /// Takes a signature that was verified and is good until `end`; refused if it was taken before or there is no room.
    pub fn take(&mut self, signature: [u8; 32], end: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        self.taken = self.taken.split_off(&(now, [0; 32]));
        if self.taken.contains(&(end, signature)) {
            return Err(Refusal::Replayed);
        }
        if self.taken.len() >= self.most {
            return Err(Refusal::Busy);
        }
        self.taken.insert((end, signature));
        Ok(())
    }
}
