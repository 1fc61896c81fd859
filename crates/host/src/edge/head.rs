//! Heads of requests and responses on their way through: what a proxy must check, drop and add. Pure.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{self, CONNECTION, HOST, UPGRADE},
    request,
    uri::{Authority, PathAndQuery, Scheme},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers that concern one connection only (RFC 9110, 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

/// Makes a client's head one for a process; returns the protocol if the client asks for an upgrade.
pub(super) fn prepare_request(
    head: &mut request::Parts,
    peer: SocketAddr,
) -> Result<Option<HeaderValue>, Refused> {
    if head.method == Method::CONNECT {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            reason: "this is not a forward proxy",
        });
    }
    settle_host(head)?;
    let upgrade = upgrade(&head.headers).filter(|_| head.version == Version::HTTP_11);
    drop_hop_by_hop(&mut head.headers);
    // WHY: the edge answers `Expect: 100-continue` itself when the process begins to take the body.
    head.headers.remove(header::EXPECT);
    add_forwarded(&mut head.headers, peer.ip());
    if let Some(protocol) = &upgrade {
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, protocol.clone());
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok(upgrade)
}

/// The same path and query at a process.
pub(super) fn uri_at(uri: &Uri, authority: &Authority) -> Result<Uri, Refused> {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query(path);
    uri.build()
        .map_err(|_| Refused { status: StatusCode::BAD_REQUEST, reason: "the request's path is malformed" })
}

/// Drops what concerned only the connection to the process.
pub(super) fn prepare_response(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
}

/// Puts back what makes a response the acceptance of an upgrade.
pub(super) fn mark_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Exactly one `Host`; that of an absolute request target wins (RFC 9112, 3.2.2).
fn settle_host(head: &mut request::Parts) -> Result<(), Refused> {
    let bad = |reason| Err(Refused { status: StatusCode::BAD_REQUEST, reason });
    if head.headers.get_all(HOST).iter().count() > 1 {
        return bad("the request has more than one Host header");
    }
    if let Some(authority) = head.uri.authority() {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let Ok(host) = HeaderValue::from_str(host) else { return bad("the request's target is malformed") };
        head.headers.insert(HOST, host);
    } else if head.version == Version::HTTP_11 && !head.headers.contains_key(HOST) {
        return bad("the request has no Host header");
    }
    Ok(())
}

fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let is_asked = connection_options(headers).any(|option| option.eq_ignore_ascii_case("upgrade"));
    // WHY: HTTP/2 in a tunnel would carry requests past everything that this file sees to.
    let is_http = |protocol: &HeaderValue| protocol.as_bytes().to_ascii_lowercase().starts_with(b"h2");
    headers.get(UPGRADE).filter(|protocol| is_asked && !is_http(protocol)).cloned()
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = connection_options(headers)
            .filter_map(|option| option.parse().ok())
            .filter(may_be_dropped)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// WHY: a client must not make the edge drop what frames the message or says who it is from.
fn may_be_dropped(name: &HeaderName) -> bool {
    let is_needed = [HOST, header::CONTENT_LENGTH, FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];
    !is_needed.contains(name)
}

/// Says who asks. What a client on a public address says about itself is not believed; a neighbour (this machine, a
/// private network) may be a proxy that knows more.
fn add_forwarded(headers: &mut HeaderMap, peer: IpAddr) {
    let peer = peer.to_canonical();
    if !is_neighbour(peer) {
        for name in [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, header::FORWARDED] {
            headers.remove(name);
        }
    }
    let earlier: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let chain = if earlier.is_empty() { peer.to_string() } else { format!("{}, {peer}", earlier.join(", ")) };
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
}

fn is_neighbour(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private() || peer.is_link_local(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Sends a head through; lines `name: value`, the answer sorted.
    fn check(uri: &str, peer: &str, lines: &[&str]) -> Result<Vec<String>, Refused> {
        let mut request = Request::get(uri);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        prepare_request(&mut head, SocketAddr::new(peer.parse().unwrap(), 1))?;
        let mut lines: Vec<String> =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        Ok(lines)
    }

    #[test]
    fn headers_of_one_hop_are_dropped() {
        let lines = [
            "Host: a",
            "Connection: close, X-Private, Host, x-forwarded-for",
            "X-Private: 1",
            "TE: trailers",
            "Trailer: x",
            "Keep-Alive: 5",
            "Expect: 100-continue",
            "Upgrade: websocket",
            "Accept: */*",
        ];
        let expected = [
            "accept: */*",
            "host: a",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: a",
            "x-forwarded-proto: http",
        ];
        assert_eq!(check("/", "127.0.0.1", &lines).unwrap(), expected);
    }

    #[test]
    fn a_neighbour_is_believed_and_a_stranger_is_not() {
        let lines =
            ["Host: a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "Forwarded: for=1.1.1.1"];
        let believed = check("/", "::ffff:10.0.0.7", &lines).unwrap();
        assert!(believed.contains(&"x-forwarded-for: 1.1.1.1, 10.0.0.7".to_owned()), "{believed:?}");
        assert!(believed.contains(&"x-forwarded-proto: https".to_owned()), "{believed:?}");
        let stranger = check("/", "9.9.9.9", &lines).unwrap();
        assert_eq!(
            stranger,
            ["host: a", "x-forwarded-for: 9.9.9.9", "x-forwarded-host: a", "x-forwarded-proto: http"]
        );
    }

    #[test]
    fn an_upgrade_is_asked_for_again() {
        let lines =
            check("/", "127.0.0.1", &["Host: a", "Connection: keep-alive, Upgrade", "Upgrade: h"]).unwrap();
        assert!(
            lines.contains(&"connection: upgrade".to_owned()) && lines.contains(&"upgrade: h".to_owned())
        );
    }

    #[test]
    fn an_upgrade_to_http_2_is_not() {
        let lines = ["Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"];
        let lines = check("/", "127.0.0.1", &lines).unwrap();
        assert_eq!(lines.len(), 4, "{lines:?}");
    }

    #[test]
    fn there_is_exactly_one_host() {
        assert_eq!(check("/", "127.0.0.1", &[]).unwrap_err().status, StatusCode::BAD_REQUEST);
        check("/", "127.0.0.1", &["Host: a", "Host: a"]).unwrap_err();
        let lines = check("http://user@b:81/x", "127.0.0.1", &["Host: a"]).unwrap();
        assert!(lines.contains(&"host: b:81".to_owned()), "{lines:?}");
    }
}
