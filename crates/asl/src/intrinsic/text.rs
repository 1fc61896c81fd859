//! Intrinsic functions on texts and JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::Digest;

use super::array::mix;
use super::java;

/// Longest text that is hashed, encoded or decoded, in characters.
const TEXT_CHARS_MAX: usize = 10_000;

pub(super) fn base64_encode(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [plain] = arguments else { return Err("takes a text".into()) };
    Ok(STANDARD.encode(short(plain)?).into())
}

pub(super) fn base64_decode(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [encoded] = arguments else { return Err("takes a text".into()) };
    let bytes = STANDARD.decode(short(encoded)?).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map(Value::String).map_err(|_| "the decoded bytes are no UTF-8".into())
}

pub(super) fn format(arguments: &[Value], _: u64) -> Result<Value, String> {
    let Some((template, values)) = arguments.split_first() else { return Err("takes a template".into()) };
    let mut values = values.iter();
    let mut output = String::new();
    let mut characters = string(template)?.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped @ ('{' | '}' | '\\' | '\'')) => output.push(escaped),
                Some(other) => output.extend(['\\', other]),
                None => output.push('\\'),
            },
            '{' if characters.next_if_eq(&'}').is_some() => {
                let Some(value) = values.next() else { return Err("there are more `{}` than values".into()) };
                output.push_str(&java::text(value));
            }
            c => output.push(c),
        }
    }
    match values.next() {
        None => Ok(output.into()),
        Some(_) => Err("there are more values than `{}`".into()),
    }
}

pub(super) fn hash(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [data, algorithm] = arguments else { return Err("takes data and an algorithm".into()) };
    let plain = match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if plain.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("data is longer than {TEXT_CHARS_MAX} characters"));
    }
    let algorithm = string(algorithm)?;
    match digest(algorithm, &plain) {
        Some(digest) => Ok(digest.into()),
        None => Err(format!("unknown algorithm `{algorithm}`; use MD5, SHA-1, SHA-256, SHA-384 or SHA-512")),
    }
}

/// The digest in hexadecimal digits, if the algorithm is known.
pub(crate) fn digest(algorithm: &str, plain: &str) -> Option<String> {
    Some(match algorithm {
        "MD5" => hex::encode(md5::Md5::digest(plain)),
        "SHA-1" => hex::encode(sha1::Sha1::digest(plain)),
        "SHA-256" => hex::encode(sha2::Sha256::digest(plain)),
        "SHA-384" => hex::encode(sha2::Sha384::digest(plain)),
        "SHA-512" => hex::encode(sha2::Sha512::digest(plain)),
        _ => return None,
    })
}

pub(super) fn json_merge(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [Value::Object(left), Value::Object(right), deep] = arguments else {
        return Err("takes two objects and `false`".into());
    };
    if *deep != Value::Bool(false) {
        return Err("deep merge is not supported: give `false`".into());
    }
    let mut merged = left.clone();
    merged.extend(right.clone());
    Ok(merged.into())
}

pub(super) fn json_to_string(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [value] = arguments else { return Err("takes a value".into()) };
    Ok(value.to_string().into())
}

pub(super) fn string_to_json(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [text] = arguments else { return Err("takes a text".into()) };
    let text = string(text)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|error| format!("the text is no JSON: {error}"))
}

/// Splits at every character of the delimiter and drops empty parts.
pub(super) fn string_split(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [text, delimiters] = arguments else { return Err("takes a text and delimiters".into()) };
    let delimiters: Vec<char> = string(delimiters)?.chars().collect();
    let parts = string(text)?.split(delimiters.as_slice());
    Ok(parts.filter(|part| !part.is_empty()).map(Value::from).collect())
}

pub(super) fn uuid(_: &[Value], entropy: u64) -> Result<Value, String> {
    Ok(uuid_text(entropy).into())
}

/// A version 4 UUID out of 64 bits of entropy.
pub(crate) fn uuid_text(entropy: u64) -> String {
    let high = (mix(entropy) & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (mix(entropy ^ u64::MAX) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    let hex = format!("{high:016x}{low:016x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("expected a text, not {value}"))
}

fn short(value: &Value) -> Result<&str, String> {
    let text = string(value)?;
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("the text is longer than {TEXT_CHARS_MAX} characters"));
    }
    Ok(text)
}
