//! Ids of traces and spans: made from what they are of, so that whoever makes a span again makes the same one; and the
//! headers that say in which trace a caller is. Pure.

use sha2::{Digest, Sha256};

/// Id of a trace.
pub type TraceId = [u8; 16];
/// Id of a span.
pub type SpanId = [u8; 8];

/// A span of somebody else's that ours belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its trace.
    pub trace: TraceId,
    /// The span; none if only the trace is known.
    pub span: Option<SpanId>,
    /// Whether it is sampled, if that is said.
    pub is_sampled: Option<bool>,
}

/// The trace of an execution that nobody else's trace goes on in.
pub fn trace_of(execution_arn: &str) -> TraceId {
    first(&Sha256::digest(format!("shipway/trace/{execution_arn}")))
}

/// The span that an event of an execution begins.
pub fn span_of(execution_arn: &str, event: u64) -> SpanId {
    first(&Sha256::digest(format!("shipway/span/{execution_arn}/{event}")))
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    digest.first_chunk::<N>().copied().unwrap_or([1; N])
}

/// X-Ray's header: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. None if it names no
/// trace.
pub fn parse_xray(header: &str) -> Option<Parent> {
    let mut parent = Parent { trace: [0; 16], span: None, is_sampled: None };
    for (name, value) in header.split(';').filter_map(|pair| pair.trim().split_once('=')) {
        match name {
            "Root" => {
                let ("1", time, rest) = split3(value)? else { return None };
                parent.trace = of_hex(&format!("{time}{rest}"))?;
            }
            "Parent" => parent.span = of_hex(value),
            "Sampled" => {
                parent.is_sampled =
                    [("1", true), ("0", false)].into_iter().find(|(text, _)| *text == value).map(|(_, is)| is)
            }
            _ => {}
        }
    }
    (parent.trace != [0; 16]).then_some(parent)
}

fn split3(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(3, '-');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

fn of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_is_the_same_span() {
        let arn = "arn:aws:states:local:000000000000:execution:m:a";
        assert_eq!((trace_of(arn), span_of(arn, 2)), (trace_of(arn), span_of(arn, 2)));
        assert_ne!(span_of(arn, 2), span_of(arn, 3));
        assert_ne!(trace_of(arn), trace_of("arn:aws:states:local:000000000000:execution:m:b"));
    }

    #[test]
    fn xrays_header_names_trace_parent_and_decision() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
        let parent = parse_xray(header).unwrap();
        assert_eq!(hex::encode(parent.trace), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(hex::encode(parent.span.unwrap()), "53995c3f42cd8ad8");
        assert_eq!(parent.is_sampled, Some(false));
        let root = parse_xray("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert_eq!((root.span, root.is_sampled), (None, None));
        for none in
            ["", "Sampled=1", "Root=2-1-2", "Root=1-5759e988-xyz", "Parent=53995c3f42cd8ad8", "Root=1"]
        {
            assert_eq!(parse_xray(none), None, "{none}");
        }
    }
}
