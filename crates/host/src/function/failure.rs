//! What a call fails with when its process does not answer as it should: Lambda's JSON. Pure.

use std::process::ExitStatus;

use serde_json::json;

/// What is said of a process that ended without a status.
pub(super) const GONE: &str = "Runtime exited without providing a reason";

/// Bytes of an answer at most: Lambda's 6 MiB and 100 bytes.
pub(super) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;

/// The process ended before it answered.
pub(super) fn exited(request_id: &str, how: &str) -> Vec<u8> {
    failure("Runtime.ExitError", &format!("RequestId: {request_id} Error: {how}"))
}

/// The process was not ready, or did not answer, in time.
pub(super) fn timed_out(request_id: &str, seconds: u32) -> Vec<u8> {
    failure("Sandbox.Timedout", &format!("RequestId: {request_id} Error: {}", after(seconds)))
}

/// The sentence that the log has of it, too.
pub(super) fn after(seconds: u32) -> String {
    format!("Task timed out after {seconds}.00 seconds")
}

/// The answer was too large.
pub(super) fn too_large() -> Vec<u8> {
    let message =
        format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    failure("Function.ResponseSizeTooLarge", &message)
}

/// An error that the runtime told without saying it in JSON.
pub(super) fn told(kind: Option<&str>, text: &str) -> Vec<u8> {
    failure(kind.unwrap_or("Runtime.Unknown"), text)
}

/// How a process ended, as Lambda says it.
pub(super) fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(0), _) | (None, None) => GONE.to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => format!("Runtime exited with error: signal: {}", word(signal)),
    }
}

/// As Go writes signals, which is what Lambda shows.
fn word(signal: i32) -> String {
    let known = [
        (2, "interrupt"),
        (4, "illegal instruction"),
        (6, "aborted"),
        (7, "bus error"),
        (8, "floating point exception"),
        (9, "killed"),
        (11, "segmentation fault"),
        (13, "broken pipe"),
        (15, "terminated"),
    ];
    let word = known.iter().find(|(number, _)| *number == signal);
    word.map_or_else(|| format!("signal {signal}"), |(_, word)| (*word).to_owned())
}

fn failure(kind: &str, message: &str) -> Vec<u8> {
    json!({"errorType": kind, "errorMessage": message}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn ends_are_told_as_lambda_tells_them() {
        for (raw, expected) in [
            (0, "Runtime exited without providing a reason"),
            (3 << 8, "Runtime exited with error: exit status 3"),
            (9, "Runtime exited with error: signal: killed"),
            (11, "Runtime exited with error: signal: segmentation fault"),
        ] {
            assert_eq!(how(ExitStatus::from_raw(raw)), expected);
        }
        let told = String::from_utf8(timed_out("id", 3)).unwrap();
        let expected = r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#;
        assert_eq!(told, expected);
    }
}
