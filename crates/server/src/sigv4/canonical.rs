//! The canonical form of a request, and the signature over it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::Head;

/// The HMAC of all steps.
pub type Code = Hmac<Sha256>;

/// Bytes of a block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// The canonical request; none if a signed header is absent or no text.
pub fn request(head: &Head, signed: &[String], body_sha256: &str) -> Option<String> {
    let mut text = format!("{}\n{}\n{}\n", head.method, path(head.path), query(head.query));
    for name in signed {
        text.push_str(name);
        text.push(':');
        text.push_str(&header(head.headers, name)?);
        text.push('\n');
    }
    Some(format!("{text}\n{}\n{body_sha256}", signed.join(";")))
}

/// The text that is signed.
pub fn string_to_sign(date: &str, scope: &str, canonical: &str) -> String {
    format!("{}\n{date}\n{scope}\n{}", super::claim::ALGORITHM, sha256(canonical.as_bytes()))
}

/// The signature of a text by the key that follows from a secret and a scope.
pub fn sign(secret: &str, scope: &str, text: &str) -> Code {
    let first = code(format!("AWS4{secret}").as_bytes());
    let last = scope.split('/').fold(first, |mut mac, part| {
        mac.update(part.as_bytes());
        code(&mac.finalize().into_bytes())
    });
    last.chain_update(text.as_bytes())
}

fn code(key: &[u8]) -> Code {
    let mut block = [0; BLOCK_BYTES];
    let digest: [u8; 32];
    let key = if key.len() > BLOCK_BYTES {
        digest = Sha256::digest(key).into();
        &digest
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Code::new(&block.into())
}

/// The hash of bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A header's values in their order, without the space that has no meaning.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| {
        let text = std::str::from_utf8(value.as_bytes()).ok()?;
        Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    });
    let values = values.collect::<Option<Vec<_>>>()?;
    (!values.is_empty()).then(|| values.join(","))
}

/// A path without `.`, `..` and empty parts, each part encoded (once more, if it came encoded).
fn path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut text = String::from("/");
    text.push_str(&parts.iter().map(|part| encode(part.as_bytes())).collect::<Vec<_>>().join("/"));
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if is_folder && !parts.is_empty() {
        text.push('/');
    }
    text
}

/// The parameters in order, without the signature.
fn query(query: &str) -> String {
    let pairs = pairs(query).into_iter().filter(|(name, _)| name != b"X-Amz-Signature");
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The parameters of a query, decoded.
pub fn pairs(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// What is no code stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| hex::decode(code).ok());
        match code.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}
