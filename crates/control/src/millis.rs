//! Spans of time as people write them: `250ms`, `10s`, `5m`, `2h`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time in milliseconds; in documents a text such as `10s` (a bare number is seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The same span for the standard library.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// A span of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }
}

/// The largest unit that shows it exactly.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0s"),
            n if n % 3_600_000 == 0 => write!(f, "{}h", n / 3_600_000),
            n if n % 60_000 == 0 => write!(f, "{}m", n / 60_000),
            n if n % 1_000 == 0 => write!(f, "{}s", n / 1_000),
            n => write!(f, "{n}ms"),
        }
    }
}

/// `text` is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time; write `250ms`, `10s`, `5m` or `2h`")]
pub struct ParseError(String);

impl FromStr for Millis {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(error()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(error)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Millis;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time such as `10s`, or a number of seconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Millis, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Millis, E> {
                seconds.checked_mul(1_000).map(Millis).ok_or_else(|| E::custom("too many seconds"))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Millis, E> {
                u64::try_from(seconds)
                    .map_err(|_| E::custom("a span of time is not negative"))
                    .and_then(|seconds| self.visit_u64(seconds))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Millis {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A span of time: 250ms, 10s, 5m or 2h; a bare number is seconds.",
            "oneOf": [{"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}, {"type": "integer", "minimum": 0}]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["0s", "1ms", "1500ms", "10s", "5m", "2h"] {
            assert_eq!(text.parse::<Millis>().unwrap().to_string(), text);
        }
        for text in ["", "s", "10", "-1s", "1d", "1.5s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(text.parse::<Millis>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(serde_json::from_str::<Millis>("3").unwrap(), Millis(3_000));
        assert_eq!(serde_json::from_str::<Millis>("\"3ms\"").unwrap(), Millis(3));
        assert!(serde_json::from_str::<Millis>("-3").is_err());
    }
}
