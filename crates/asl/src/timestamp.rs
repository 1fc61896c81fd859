//! Points in time, to the millisecond, UTC. Does not read a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses RFC 3339, such as `2026-11-21T04:19:24.123Z`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_millisecond()))
    }

    /// Later by `millis`; stays at the end of time instead of overflowing.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this; 0 if `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// RFC 3339 with milliseconds, as AWS shows it: `2026-11-21T04:19:24.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// The instant of an ISO-8601 extended offset date-time: `T` and `Z` in capitals, seconds and offset given.
pub(crate) fn strict(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 20 && bytes.get(10) == Some(&b'T') && bytes.get(16) == Some(&b':');
    let offset = text.ends_with('Z')
        || bytes.len().checked_sub(6).is_some_and(|at| matches!(bytes.get(at), Some(b'+' | b'-')));
    if shape && offset { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_it_parses() {
        for text in ["2026-11-21T04:19:24.123Z", "1970-01-01T00:00:00.000Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Timestamp::parse("2026-11-21"), None);
    }
}
