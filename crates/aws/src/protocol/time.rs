//! Points in time as the protocols write them. Reads every form that AWS is known to send; gives ISO 8601.

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde_json::{Number, Value};

use super::Invalid;

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `2015-01-25T08:00:00Z`.
    Iso8601,
    /// `Sun, 25 Jan 2015 08:00:00 GMT`.
    Rfc822,
    /// Seconds since 1970.
    Unix,
}

impl Format {
    /// The model's own format, or else the place's.
    pub(super) fn of(format: Option<&str>, default: Self) -> Self {
        match format {
            Some("iso8601") => Self::Iso8601,
            Some("rfc822") => Self::Rfc822,
            Some("unixTimestamp") => Self::Unix,
            _ => default,
        }
    }
}

/// Reads what an input says: seconds since 1970 or a text.
pub(super) fn given(value: &Value) -> Result<Timestamp, Invalid> {
    read(value).ok_or_else(|| Invalid::new("is no time; write it as `2015-01-25T08:00:00Z`"))
}

/// Reads any form.
pub(super) fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => from_seconds(&number.to_string()),
        Value::String(text) => from_text(text.trim()),
        _ => None,
    }
}

fn from_text(text: &str) -> Option<Timestamp> {
    from_seconds(text)
        .or_else(|| text.parse().ok())
        .or_else(|| without_offset(text))
        .or_else(|| from_rfc822(text))
}

/// Decimal digits, so that no fraction is lost to rounding.
fn from_seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = fraction.chars().all(|c| c.is_ascii_digit());
    if !is_plain {
        return from_float(text);
    }
    let Ok(seconds) = whole.parse::<i64>() else { return from_float(text) };
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Timestamp::new(seconds, if whole.starts_with('-') { -nanos } else { nanos }).ok()
}

/// Such as `1.4228736E9`.
fn from_float(text: &str) -> Option<Timestamp> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let millis = text.parse::<f64>().ok().filter(|seconds| is_number && seconds.is_finite())? * 1000.0;
    Timestamp::from_millisecond(millis.round() as i64).ok()
}

fn without_offset(text: &str) -> Option<Timestamp> {
    let is_date_time = text.len() >= 19 && text.contains('T');
    is_date_time.then(|| format!("{text}Z").parse().ok()).flatten()
}

/// Some services add a fraction, which the format does not have.
fn from_rfc822(text: &str) -> Option<Timestamp> {
    let parser = DateTimeParser::new();
    let Some((before, after)) = text.split_once('.') else { return parser.parse_timestamp(text).ok() };
    let (fraction, zone) = after.split_once(' ')?;
    let whole = parser.parse_timestamp(format!("{before} {zone}")).ok()?;
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Timestamp::new(whole.as_second(), nanos).ok()
}

/// A time as text, in any format.
pub(super) fn text(time: Timestamp, format: Format) -> String {
    match format {
        Format::Iso8601 => iso(time),
        Format::Rfc822 => {
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&time).unwrap_or_else(|_| iso(time))
        }
        Format::Unix => seconds(time).to_string(),
    }
}

/// A time as JSON.
pub(super) fn json(time: Timestamp, format: Format) -> Value {
    match format {
        Format::Unix => Value::Number(seconds(time)),
        Format::Iso8601 | Format::Rfc822 => Value::String(text(time, format)),
    }
}

fn seconds(time: Timestamp) -> Number {
    let whole = Number::from(time.as_second());
    if time.subsec_millisecond() == 0 {
        return whole;
    }
    Number::from_f64(time.as_millisecond() as f64 / 1000.0).unwrap_or(whole)
}

/// Without a fraction where there is none, and in milliseconds, microseconds or nanoseconds, as Java writes it.
fn iso(time: Timestamp) -> String {
    let precision = match time.subsec_nanosecond() {
        0 => 0,
        nanos if nanos % 1_000_000 == 0 => 3,
        nanos if nanos % 1000 == 0 => 6,
        _ => 9,
    };
    format!("{time:.precision$}")
}

/// A time that a reply wrote in any form, as ISO 8601; what is none is left as it is.
pub fn iso8601(value: &Value) -> Value {
    read(value).map_or_else(|| value.clone(), |time| Value::String(iso(time)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_is_read() {
        for (value, expected) in [
            (json!(1_422_172_800), "2015-01-25T08:00:00Z"),
            (json!(1_422_172_800.5), "2015-01-25T08:00:00.500Z"),
            (json!(1.42217e9), "2015-01-25T07:13:20Z"),
            (json!("1422172800"), "2015-01-25T08:00:00Z"),
            (json!("2015-01-25T08:00:00Z"), "2015-01-25T08:00:00Z"),
            (json!("2015-01-25T08:00:00.123456Z"), "2015-01-25T08:00:00.123456Z"),
            (json!("2015-01-25T08:00:00"), "2015-01-25T08:00:00Z"),
            (json!("2019-12-16T22:48:18-01:00"), "2019-12-16T23:48:18Z"),
            (json!("Sun, 25 Jan 2015 08:00:00 GMT"), "2015-01-25T08:00:00Z"),
            (json!("Sun, 02 Jan 2000 20:34:56.456 GMT"), "2000-01-02T20:34:56.456Z"),
            (json!("-1.5"), "1969-12-31T23:59:58.500Z"),
        ] {
            assert_eq!(iso8601(&value), json!(expected), "{value}");
        }
        assert_eq!(iso8601(&json!("soon")), json!("soon"));
        assert!(given(&json!(true)).is_err());
    }

    #[test]
    fn every_form_is_written() {
        let time = given(&json!("2015-01-25T08:00:00Z")).unwrap();
        assert_eq!(text(time, Format::Rfc822), "Sun, 25 Jan 2015 08:00:00 GMT");
        assert_eq!(json(time, Format::Unix), json!(1_422_172_800));
        let time = given(&json!("2015-01-25T08:00:00.25Z")).unwrap();
        assert_eq!(
            (text(time, Format::Iso8601), json(time, Format::Unix)),
            ("2015-01-25T08:00:00.250Z".to_owned(), json!(1_422_172_800.25))
        );
    }
}
