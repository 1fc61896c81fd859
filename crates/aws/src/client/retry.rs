//! Which failures are tried again, and after how long. Pure: entropy is an argument, and nothing waits here.

use std::time::Duration;

use super::error::Class;
use crate::protocol::Fault;

/// Codes by which services ask for fewer calls, as AWS's SDKs know them.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException.Throttled",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of failures that pass although the status says that the caller is at fault.
const TRANSIENT: &[&str] =
    &["InternalError", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"];

/// Statuses of a service or of what stands before it that fails by itself.
const TRANSIENT_STATUS: &[u16] = &[500, 502, 503, 504];

/// The longest wait between two attempts.
const DELAY_MAX: Duration = Duration::from_secs(20);

/// The kind of failure that an answer tells of.
pub(super) fn class(status: u16, fault: &Fault) -> Class {
    let is_one_of = |codes: &[&str]| {
        codes.contains(&fault.code.as_str())
            || fault.shape.as_deref().is_some_and(|shape| codes.contains(&shape))
    };
    if is_one_of(THROTTLED) || status == 429 {
        Class::Throttled
    } else if is_one_of(TRANSIENT) || TRANSIENT_STATUS.contains(&status) {
        Class::Server
    } else {
        Class::Refused
    }
}

/// How long to wait before the next attempt: twice as long each time, of which entropy takes a part, so that many
/// callers do not come back at the same moment.
pub(super) fn delay(class: Class, attempts: u32, entropy: u64) -> Duration {
    let base = if class == Class::Throttled { 1000 } else { 100 };
    let most = Duration::from_millis(base * (1 << attempts.saturating_sub(1).min(10))).min(DELAY_MAX);
    most.mul_f64((entropy >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        for (status, code, expected) in [
            (400, "ThrottlingException", Class::Throttled),
            (429, "", Class::Throttled),
            (503, "SlowDown", Class::Throttled),
            (500, "", Class::Server),
            (400, "RequestTimeout", Class::Server),
            (501, "NotImplemented", Class::Refused),
            (404, "NoSuchKey", Class::Refused),
        ] {
            let fault = Fault { code: code.to_owned(), ..Fault::default() };
            assert_eq!(class(status, &fault), expected, "{status} {code}");
        }
    }

    #[test]
    fn waits_grow_to_a_limit_and_are_spread() {
        assert_eq!(delay(Class::Server, 1, 0), Duration::ZERO);
        let most: Vec<u128> =
            [1, 2, 3, 30].map(|at| delay(Class::Throttled, at, u64::MAX).as_millis()).into();
        assert_eq!(most, [1000, 2000, 4000, 20_000]);
        assert_eq!(delay(Class::Server, 2, u64::MAX / 2).as_millis(), 100);
    }
}
