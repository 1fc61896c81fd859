//! Intrinsic functions on texts and JSON.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::Value;
use sha2::Digest;

use super::array::mix;
use super::{Refusal, java};

/// Takes digits without padding, whatever the last of them says beyond the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Longest text that is hashed, encoded or decoded, in characters.
const TEXT_CHARS_MAX: usize = 10_000;

type Result<T> = std::result::Result<T, Refusal>;

pub(super) fn base64_encode(arguments: &[Value], _: u64) -> Result<Value> {
    let [plain] = arguments else { return Err(Refusal::Arguments) };
    Ok(STANDARD.encode(short(plain)?).into())
}

/// Passes over what is not of the alphabet, ends at the first `=`, and needs none.
pub(super) fn base64_decode(arguments: &[Value], _: u64) -> Result<Value> {
    let [encoded] = arguments else { return Err(Refusal::Arguments) };
    let encoded = short(encoded)?.bytes().take_while(|byte| *byte != b'=');
    let mut digits: Vec<u8> = encoded
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            byte => (byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/').then_some(byte),
        })
        .collect();
    // WHY: a single digit at the end is less than a byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let bytes = LENIENT.decode(digits).map_err(|_| Refusal::Arguments)?;
    Ok(String::from_utf8_lossy(&bytes).into())
}

pub(super) fn format(arguments: &[Value], _: u64) -> Result<Value> {
    let Some((template, values)) = arguments.split_first() else { return Err(Refusal::Arguments) };
    let mut values = values.iter();
    let mut output = String::new();
    let template = java::text(template);
    let mut characters = template.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped @ ('{' | '}' | '\\' | '\'')) => output.push(escaped),
                Some(other) => output.extend(['\\', other]),
                None => output.push('\\'),
            },
            '{' if characters.next_if_eq(&'}').is_some() => {
                output.push_str(&java::text(values.next().ok_or(Refusal::Count)?));
            }
            '{' => return Err(Refusal::Template("matching '}' not found for '{'.")),
            '}' => return Err(Refusal::Template("matching '{' not found for '}'.")),
            c => output.push(c),
        }
    }
    if values.next().is_none() { Ok(output.into()) } else { Err(Refusal::Count) }
}

pub(super) fn hash(arguments: &[Value], _: u64) -> Result<Value> {
    let [data, algorithm] = arguments else { return Err(Refusal::Arguments) };
    let plain = match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if plain.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::Arguments);
    }
    digest(string(algorithm)?, &plain).map(Value::from).ok_or(Refusal::Arguments)
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

/// Merges the first level. AWS has no deep merge: whatever reads as `true` is refused, all else means the first level.
pub(super) fn json_merge(arguments: &[Value], _: u64) -> Result<Value> {
    let [Value::Object(left), Value::Object(right), deep] = arguments else { return Err(Refusal::Arguments) };
    if java::text(deep).eq_ignore_ascii_case("true") {
        return Err(Refusal::Arguments);
    }
    let mut merged = left.clone();
    merged.extend(right.clone());
    Ok(merged.into())
}

pub(super) fn json_to_string(arguments: &[Value], _: u64) -> Result<Value> {
    let [value] = arguments else { return Err(Refusal::Arguments) };
    Ok(value.to_string().into())
}

pub(super) fn string_to_json(arguments: &[Value], _: u64) -> Result<Value> {
    let [text] = arguments else { return Err(Refusal::Arguments) };
    let text = string(text)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|_| Refusal::Arguments)
}

/// Splits at every character of the delimiter and drops empty parts.
pub(super) fn string_split(arguments: &[Value], _: u64) -> Result<Value> {
    let [text, delimiters] = arguments else { return Err(Refusal::Arguments) };
    let delimiters: Vec<char> = string(delimiters)?.chars().collect();
    let parts = string(text)?.split(delimiters.as_slice());
    Ok(parts.filter(|part| !part.is_empty()).map(Value::from).collect())
}

pub(super) fn uuid(_: &[Value], entropy: u64) -> Result<Value> {
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

fn string(value: &Value) -> Result<&str> {
    value.as_str().ok_or(Refusal::Arguments)
}

fn short(value: &Value) -> Result<&str> {
    let text = string(value)?;
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::Arguments);
    }
    Ok(text)
}
