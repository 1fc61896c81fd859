//! How long to wait before a process that ended by itself is started again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// A process that lived this long did not end because of its start.
const LIVED_WELL: Duration = Duration::from_secs(60);

/// Doubles with each end.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    next: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl BackOff {
    /// The pause after a process that lived so long.
    pub(super) fn pause(&mut self, lived: Duration) -> Duration {
        if lived >= LIVED_WELL {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_and_begin_anew_after_a_good_life() {
        let mut back_off = BackOff::default();
        let pauses: Vec<u128> = (0..11).map(|_| back_off.pause(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(back_off.pause(Duration::from_secs(60)).as_millis(), 100);
        assert_eq!(back_off.pause(Duration::from_secs(59)).as_millis(), 200);
    }
}
