//! What a request says of its signature: by whom, when, for where, over which headers. In its header or its query.

use std::collections::BTreeMap;

use hmac::Mac;
use http::header;
use shipway_asl::Timestamp;

use super::{Head, Place, Refusal, SKEW_MILLIS, canonical};

/// The one algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What a scope ends with.
const TERMINATOR: &str = "aws4_request";
/// How long a presigned request may be good at most: a week.
const EXPIRES_SECONDS_MAX: u64 = 604_800;
/// Headers that must not be there twice: another reader of the request might choose the other.
const SINGLE: &[&str] =
    &["host", "content-type", "x-amz-date", "x-amz-target", "x-amz-content-sha256", "x-amz-security-token"];
/// What a signature's header consists of.
const FIELDS: &[&str] = &["Credential", "SignedHeaders", "Signature"];
/// What a presigned query consists of.
const PARAMETERS: &[&str] = &[
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

/// Who claims to have signed what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Id of the access key.
    pub access_key: String,
    /// The signature.
    pub signature: [u8; 32],
    scope: Scope,
    signed_headers: Vec<String>,
    date: String,
    at: Timestamp,
    /// For how long, if it is presigned.
    expires_seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    day: String,
    region: String,
    service: String,
}

impl Claim {
    /// Reads what a request's head says.
    pub fn read(head: &Head) -> Result<Self, Refusal> {
        let given: Vec<_> = head.headers.get_all(header::AUTHORIZATION).iter().collect();
        let parameters = parameters(head.query)?;
        let is_presigned = parameters.contains_key("X-Amz-Signature");
        let claim = match (given.as_slice(), is_presigned) {
            ([], false) => return Err(Refusal::Missing),
            ([], true) => Self::of_query(&parameters)?,
            ([one], false) => {
                Self::of_header(one.to_str().map_err(|_| incomplete("Authorization is no text."))?, head)?
            }
            _ => return Err(incomplete("Only one authentication mechanism is allowed.")),
        };
        claim.check_headers(head)?;
        Ok(claim)
    }

    fn of_header(text: &str, head: &Head) -> Result<Self, Refusal> {
        let (algorithm, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if !algorithm.starts_with("AWS") {
            return Err(Refusal::Missing);
        }
        check_algorithm(algorithm)?;
        let mut fields = BTreeMap::new();
        for field in rest.split(',').map(str::trim) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if !FIELDS.contains(&name) || fields.insert(name, value).is_some() {
                return Err(incomplete(format!(
                    "'{field}' not a valid key=value pair in Authorization header."
                )));
            }
        }
        let field = |name: &str| {
            let missing = || incomplete(format!("Authorization header requires '{name}' parameter."));
            fields.get(name).copied().filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        let date = head.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        let date = date
            .ok_or_else(|| incomplete("Authorization header requires existence of a 'X-Amz-Date' header."))?;
        Self::of(field("Credential")?, field("SignedHeaders")?, field("Signature")?, date, None)
    }

    fn of_query(parameters: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let parameter = |name: &str| {
            let missing = || incomplete(format!("AWS query-string parameters must include '{name}'."));
            parameters.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        check_algorithm(parameter("X-Amz-Algorithm")?)?;
        let expires = parameter("X-Amz-Expires")?.parse().ok();
        let expires = expires.filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds));
        let wrong = || incomplete(format!("X-Amz-Expires must be a number from 1 to {EXPIRES_SECONDS_MAX}."));
        Self::of(
            parameter("X-Amz-Credential")?,
            parameter("X-Amz-SignedHeaders")?,
            parameter("X-Amz-Signature")?,
            parameter("X-Amz-Date")?,
            Some(expires.ok_or_else(wrong)?),
        )
    }

    fn of(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: &str,
        expires_seconds: Option<u64>,
    ) -> Result<Self, Refusal> {
        let (access_key, scope) = self::credential(credential)?;
        let mut bytes = [0; 32];
        let is_lower = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_lower || hex::decode_to_slice(signature, &mut bytes).is_err() {
            return Err(Refusal::Mismatch);
        }
        let at = moment(date).ok_or_else(|| {
            incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"))
        })?;
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let is_plain =
            |name: &String| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !signed_headers.iter().all(is_plain) || !signed_headers.is_sorted_by(|a, b| a < b) {
            return Err(incomplete(
                "SignedHeaders must be names in lower case, in order, each of them once.",
            ));
        }
        let date = date.to_owned();
        Ok(Self { access_key, signature: bytes, scope, signed_headers, date, at, expires_seconds })
    }

    /// The host and all headers of AWS must be signed, and nothing of what counts be there twice.
    fn check_headers(&self, head: &Head) -> Result<(), Refusal> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        if !is_signed("host") {
            return Err(unfit("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
        }
        let names = head.headers.keys().map(http::HeaderName::as_str);
        let unsigned: Vec<&str> =
            names.filter(|name| name.starts_with("x-amz-") && !is_signed(name)).collect();
        if !unsigned.is_empty() {
            let unsigned = unsigned.join(", ");
            return Err(unfit(format!(
                "There were headers present in the request which were not signed: {unsigned}"
            )));
        }
        let twice = SINGLE.iter().find(|name| head.headers.get_all(**name).iter().nth(1).is_some());
        twice.map_or(Ok(()), |name| Err(incomplete(format!("The header '{name}' is there more than once."))))
    }

    /// Whether it is for this time and place.
    pub fn check(&self, place: &Place, now: Timestamp) -> Result<(), Refusal> {
        if self.scope.service != place.service {
            let service = place.service;
            return Err(unfit(format!("Credential should be scoped to correct service: '{service}'.")));
        }
        if self.scope.region != place.region {
            return Err(unfit(format!(
                "Credential should be scoped to a valid region, not '{}'. This server's is '{}'.",
                self.scope.region, place.region
            )));
        }
        let day = self.date.get(..8).unwrap_or_default();
        if self.scope.day != day {
            return Err(unfit(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{day}', from '{}'.",
                self.scope.day, self.date
            )));
        }
        self.check_time(now)
    }

    fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let minutes = SKEW_MILLIS / 60_000;
        let latest = now.plus_millis(SKEW_MILLIS);
        if self.at > latest {
            return Err(unfit(format!(
                "Signature not yet current: {} is still later than {} ({} + {minutes} min.)",
                self.date,
                basic(latest),
                basic(now)
            )));
        }
        if now <= self.end() {
            return Ok(());
        }
        let earliest = Timestamp(now.0.saturating_sub_unsigned(SKEW_MILLIS));
        Err(unfit(match self.expires_seconds {
            None => format!(
                "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
                self.date,
                basic(earliest),
                basic(now)
            ),
            Some(seconds) => {
                format!("Signature expired: {} + {seconds} s is now earlier than {}", self.date, basic(now))
            }
        }))
    }

    /// When it is good no longer.
    pub fn end(&self) -> Timestamp {
        let millis = self.expires_seconds.map_or(SKEW_MILLIS, |seconds| seconds.saturating_mul(1_000));
        self.at.plus_millis(millis)
    }

    /// Whether it was presigned to be good for longer than a request that is sent at once.
    pub fn is_long(&self) -> bool {
        self.end() > self.at.plus_millis(SKEW_MILLIS)
    }

    /// Whether the signature is that of this message by this secret. Takes the same time for each wrong signature.
    pub fn verify(&self, head: &Head, body: &[u8], secret: &str) -> Result<(), Refusal> {
        let body_sha256 = canonical::sha256(body);
        if let Some(named) = head.headers.get("x-amz-content-sha256") {
            check_payload(named.as_bytes(), &body_sha256)?;
        }
        let text = self.string_to_sign(head, &body_sha256).ok_or(Refusal::Mismatch)?;
        let code = canonical::sign(secret, &self.scope.to_string(), &text);
        code.verify_slice(&self.signature).map_err(|_| Refusal::Mismatch)
    }

    pub(super) fn string_to_sign(&self, head: &Head, body_sha256: &str) -> Option<String> {
        let canonical = canonical::request(head, &self.signed_headers, body_sha256)?;
        Some(canonical::string_to_sign(&self.date, &self.scope.to_string(), &canonical))
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service)
    }
}

/// The parameters of AWS in a query. None may be there twice.
fn parameters(query: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let mut found = BTreeMap::new();
    for (name, value) in canonical::pairs(query) {
        let (Ok(name), Ok(value)) = (String::from_utf8(name), String::from_utf8(value)) else { continue };
        let is_ours = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(&name));
        if is_ours && found.insert(name.clone(), value).is_some() {
            return Err(incomplete(format!("The parameter '{name}' is there more than once.")));
        }
    }
    Ok(found)
}

fn check_algorithm(algorithm: &str) -> Result<(), Refusal> {
    match algorithm == ALGORITHM {
        true => Ok(()),
        false => Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."))),
    }
}

fn credential(text: &str) -> Result<(String, Scope), Refusal> {
    let parts: Vec<&str> = text.split('/').collect();
    let [access_key, day, region, service, terminator] = parts.as_slice() else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{text}'"
        )));
    };
    if *terminator != TERMINATOR {
        let why = format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
        );
        return Err(incomplete(why));
    }
    let [day, region, service] = [day, region, service].map(|part| (*part).to_owned());
    Ok(((*access_key).to_owned(), Scope { day, region, service }))
}

/// The payload is signed here, always: there may be no TLS that would keep it as it is.
fn check_payload(named: &[u8], body_sha256: &str) -> Result<(), Refusal> {
    if named == b"UNSIGNED-PAYLOAD" || named.starts_with(b"STREAMING-") {
        return Err(unfit("The payload must be signed: x-amz-content-sha256 must be the hash of the body."));
    }
    // WHY: both are known to the caller, so there is nothing to be learnt from the time that this takes.
    if named == body_sha256.as_bytes() { Ok(()) } else { Err(Refusal::Mismatch) }
}

/// `20150830T123600Z`.
fn moment(basic: &str) -> Option<Timestamp> {
    let is_basic = basic.len() == 16
        && basic.bytes().enumerate().all(|(place, byte)| match place {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    let part = |from: usize, to: usize| basic.get(from..to).filter(|_| is_basic);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

fn basic(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{}Z", whole.replace(['-', ':'], ""))
}

fn incomplete(why: impl Into<String>) -> Refusal {
    Refusal::Incomplete(why.into())
}

fn unfit(why: impl Into<String>) -> Refusal {
    Refusal::Unfit(why.into())
}
