//! The trace that a start's caller is in, where the call says so in a header and not in its body: X-Ray's header or the
//! W3C's. Both become what `traceHeader` would have said.

use http::HeaderMap;
use serde_json::Value;

/// Bytes of a `traceHeader`, as AWS has it.
const HEADER_BYTES_MAX: usize = 256;

/// Puts the caller's trace into the body of a start that names none.
pub fn adopt(action: &str, headers: &HeaderMap, body: &mut Value) {
    let is_start = matches!(action, "StartExecution" | "StartSyncExecution");
    if let (true, Some(fields), Some(header)) = (is_start, body.as_object_mut(), header_of(headers)) {
        fields.entry("traceHeader").or_insert(header.into());
    }
}

fn header_of(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let xray =
        text("x-amzn-trace-id").filter(|header| header.contains("Root=") && header.len() <= HEADER_BYTES_MAX);
    xray.map(str::to_owned).or_else(|| of_w3c(text("traceparent")?))
}

/// `00-<trace>-<parent>-<flags>`
fn of_w3c(header: &str) -> Option<String> {
    let parts: Vec<&str> = header.split('-').collect();
    let [version, trace, parent, flags, ..] = parts.as_slice() else { return None };
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    let is_set = |text: &str| text.chars().any(|c| c != '0');
    let is_good = is_hex(version, 2)
        && *version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && is_set(trace)
        && is_set(parent);
    let (time, rest) = trace.split_at_checked(8).filter(|_| is_good)?;
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(format!("Root=1-{time}-{rest};Parent={parent};Sampled={sampled}"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn adopted(action: &str, name: &'static str, header: &'static str, mut body: Value) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(header));
        adopt(action, &headers, &mut body);
        body
    }

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const XRAY: &str = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";

    #[test]
    fn a_starts_trace_comes_from_its_header() {
        let is = json!({"traceHeader": XRAY});
        assert_eq!(adopted("StartExecution", "traceparent", W3C, json!({})), is);
        assert_eq!(adopted("StartSyncExecution", "x-amzn-trace-id", XRAY, json!({})), is);
        assert_eq!(adopted("DescribeExecution", "traceparent", W3C, json!({})), json!({}));
        let own = json!({"traceHeader": "mine"});
        assert_eq!(adopted("StartExecution", "traceparent", W3C, own.clone()), own);
    }

    #[test]
    fn a_header_that_is_none_is_passed_over() {
        for none in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(adopted("StartExecution", "traceparent", none, json!({})), json!({}), "{none}");
        }
        assert_eq!(adopted("StartExecution", "x-amzn-trace-id", "Self=1", json!({})), json!({}));
    }
}
