//! Signatures of requests, version 4. Knows no credentials but those it is given, and reads no clock.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as sign_request,
    },
    sign::v4,
};
use shipway_asl::Timestamp;

use super::endpoint::Endpoint;

/// What is to be signed.
pub(super) struct Signable<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) credentials: &'a Credentials,
    pub(super) now: Timestamp,
    pub(super) is_payload_unsigned: bool,
    /// S3 takes paths as they are and wants the hash of the body in a header.
    pub(super) is_s3: bool,
}

/// The headers that make the signature.
pub(super) fn headers(
    signable: &Signable<'_>,
    (method, url): (&str, &str),
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<(String, String)>, String> {
    let identity = signable.credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&signable.endpoint.signing_region)
        .name(&signable.endpoint.signing_name)
        .time(time(signable.now))
        .settings(settings(signable.is_s3))
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let body =
        if signable.is_payload_unsigned { SignableBody::UnsignedPayload } else { SignableBody::Bytes(body) };
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(method, url, pairs, body).map_err(|error| error.to_string())?;
    let (instructions, _) = sign_request(request, &params).map_err(|error| error.to_string())?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn settings(is_s3: bool) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if is_s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

pub(super) fn time(now: Timestamp) -> SystemTime {
    jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::MIN).into()
}
