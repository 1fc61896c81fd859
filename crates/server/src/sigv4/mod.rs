//! AWS Signature Version 4, the side that checks. Pure: time, keys and the message are given; decides about no action.
//!
//! [`Claim::read`] says who claims to have signed what, [`Claim::check`] holds it against time and place, and
//! [`Claim::verify`] holds the signature against the message.

mod canonical;
mod claim;
mod refusal;
mod replay;
#[cfg(test)]
mod tests;

use http::HeaderMap;

pub use self::{claim::Claim, refusal::Refusal, replay::Replays};

/// How far the date of a request may be from now, in milliseconds: 5 min, as most services of AWS have it.
pub const SKEW_MILLIS: u64 = 300_000;

/// The head of a request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, as encoded as it came.
    pub path: &'a str,
    /// The query without its `?`.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// Where a signature must be good for.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
}
