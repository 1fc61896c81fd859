//! Locks: who may change an environment, and until when. Pure: does not read the clock or the store; callers
//! pass `now`, and [`records`] keeps the state.

pub mod records;

use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;

use crate::host::FencingToken;

/// How long a lease lasts unless it is renewed.
pub const LEASE_MILLIS: u64 = 30_000;

/// A lock's state. Its record's version when the lease was granted is the fencing token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nobody holds it.
    #[default]
    Free,
    /// Somebody holds it.
    Held(Hold),
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Id of the deployment.
    pub holder: String,
    /// ARN of its execution.
    pub execution_arn: String,
    /// Person who started it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When the lease ends unless it is renewed.
    pub expires_at: Timestamp,
    /// Grows with each change of holder.
    pub token: FencingToken,
}

/// Who asks for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Id of the deployment.
    pub holder: String,
    /// ARN of its execution.
    pub execution_arn: String,
    /// Person who started it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
}

/// How the execution of a lock's present holder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// It runs: it is not taken over, whatever the lease says.
    Running,
    /// It has ended, or was never heard of: it is taken over when its lease has ended.
    Ended,
    /// It ended dirty: it stays until a person breaks the lock.
    EndedDirty,
}

/// What is asked of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Take it; for its holder the same as [`Request::Renew`].
    Acquire {
        /// Who asks.
        claim: Claim,
        /// How the present holder stands.
        present: Holder,
    },
    /// Move the end of the lease.
    Renew {
        /// Who asks.
        holder: String,
    },
    /// Give it back; nothing happens if somebody else holds it or nobody does.
    Release {
        /// Who asks.
        holder: String,
    },
    /// Take it from a holder that has ended.
    Break {
        /// How the present holder stands.
        present: Holder,
    },
}

/// What a request leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This state is to be written.
    Write(State),
    /// Nothing changes.
    Keep,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody holds the lock.
    #[error("is held by deployment `{}` of `{}` since {}", .0.holder, .0.actor, .0.since)]
    Held(Hold),
    /// The one who asks to renew does not hold it (any more).
    #[error("is not held by `{holder}` any more")]
    Lost {
        /// Who asked.
        holder: String,
    },
}

/// Decides what a request leads to. `version` is that of the lock's record, 0 if it was never written; the state
/// written becomes version `version + 1`, which is the token of a new holder.
pub fn decide(state: &State, version: u64, request: Request, now: Timestamp) -> Result<Decision, Refusal> {
    match (state, request) {
        (State::Free, Request::Acquire { claim, .. }) => Ok(grant(claim, version, now)),
        (State::Free, Request::Renew { holder }) => Err(Refusal::Lost { holder }),
        (State::Free, Request::Release { .. } | Request::Break { .. }) => Ok(Decision::Keep),
        (State::Held(hold), Request::Acquire { claim, .. }) if hold.holder == claim.holder => {
            Ok(renew(hold, now))
        }
        (State::Held(hold), Request::Acquire { claim, present: Holder::Ended }) if hold.expires_at <= now => {
            tracing::warn!(from = hold.holder, to = claim.holder, "lock taken over");
            Ok(grant(claim, version, now))
        }
        (State::Held(hold), Request::Acquire { .. }) => Err(Refusal::Held(hold.clone())),
        (State::Held(hold), Request::Renew { holder }) if hold.holder == holder => Ok(renew(hold, now)),
        (State::Held(_), Request::Renew { holder }) => Err(Refusal::Lost { holder }),
        (State::Held(hold), Request::Release { holder }) if hold.holder == holder => {
            Ok(Decision::Write(State::Free))
        }
        (State::Held(_), Request::Release { .. }) => Ok(Decision::Keep),
        (State::Held(hold), Request::Break { present: Holder::Running }) => Err(Refusal::Held(hold.clone())),
        (State::Held(_), Request::Break { present: Holder::Ended | Holder::EndedDirty }) => {
            Ok(Decision::Write(State::Free))
        }
    }
}

fn grant(claim: Claim, version: u64, now: Timestamp) -> Decision {
    Decision::Write(State::Held(Hold {
        holder: claim.holder,
        execution_arn: claim.execution_arn,
        actor: claim.actor,
        reason: claim.reason,
        since: now,
        expires_at: now.plus_millis(LEASE_MILLIS),
        token: FencingToken(version.saturating_add(1)),
    }))
}

/// A lease never gets shorter, also when the clock was set back.
fn renew(hold: &Hold, now: Timestamp) -> Decision {
    let expires_at = hold.expires_at.max(now.plus_millis(LEASE_MILLIS));
    Decision::Write(State::Held(Hold { expires_at, ..hold.clone() }))
}

#[cfg(test)]
mod tests;
