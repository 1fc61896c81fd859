//! One answer of a mock as it is written in mock and test files. Only its form; the rehearsal gives it meaning.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use shipway_asl::rehearsal::Answer;

use super::{Script, in_turn};

/// Seconds that a mock may let pass: a century.
const SECONDS_MAX: f64 = 3_155_760_000.0;
/// Replies of one mock.
const REPLIES_MAX: usize = 100_000;

/// What a mock answers: one reply to every call, or a list of them, one call after another.
#[derive(Clone, Debug, PartialEq)]
pub enum Replies {
    /// To every call.
    Always(Reply),
    /// One after another; a call more than there are replies is an error.
    InTurn(Vec<Reply>),
}

/// One reply.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Reply {
    /// What is said.
    pub answer: Answer,
    /// To how many calls.
    pub times: u32,
}

/// Exactly one of `return`, `throw` and `never`, and what goes with it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Reply")]
struct Written {
    /// The task's result.
    #[serde(rename = "return", default, deserialize_with = "present")]
    returns: Option<Value>,
    /// The task's error.
    throw: Option<Throw>,
    /// The task never answers, so that only its time limit ends it.
    #[serde(default)]
    never: bool,
    /// Seconds until the answer.
    #[serde(default)]
    after: f64,
    /// What the service says when it has taken the task on (`.sync`, `.waitForTaskToken`); `{}` if not given.
    #[serde(default, deserialize_with = "present")]
    submitted: Option<Value>,
    /// Seconds between signs of life until the answer.
    heartbeat: Option<f64>,
    /// The worker's name (activities).
    worker: Option<String>,
    /// To how many calls of a list this is the answer.
    #[serde(default = "once")]
    times: u32,
}

/// An error.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Throw {
    /// The name that Retry and Catch match.
    error: String,
    /// What happened.
    cause: Option<String>,
}

fn once() -> u32 {
    1
}

/// `null` is a value too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<Written> for Reply {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let outcome = match (written.returns, written.throw, written.never) {
            (Some(result), None, false) => Some(Ok(result)),
            (None, Some(throw), false) => Some(Err((throw.error, throw.cause))),
            (None, None, true) => None,
            _ => return Err("a reply needs exactly one of `return`, `throw` and `never: true`".to_owned()),
        };
        if written.times == 0 {
            return Err("`times` must be 1 or more".to_owned());
        }
        let answer = Answer {
            is_started: true,
            worker: written.worker,
            submitted: written.submitted,
            heartbeat_millis: written.heartbeat.map(|seconds| millis("heartbeat", seconds)).transpose()?,
            delay_millis: millis("after", written.after)?,
            outcome,
        };
        Ok(Self { answer, times: written.times })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the guard")]
fn millis(field: &str, seconds: f64) -> Result<u64, String> {
    if (0.0..=SECONDS_MAX).contains(&seconds) {
        Ok((seconds * 1000.0).round() as u64)
    } else {
        Err(format!("`{field}` must be between 0 and {SECONDS_MAX} seconds"))
    }
}

impl Replies {
    /// What is answered to each call.
    pub fn script(&self) -> Script {
        match self {
            Self::Always(reply) => Script::Always(reply.answer.clone()),
            Self::InTurn(replies) => in_turn(replies, false),
        }
    }
}

impl<'de> Deserialize<'de> for Replies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RepliesVisitor)
    }
}

// WHY: serde's untagged enums answer every mistake with the same words.
struct RepliesVisitor;

impl<'de> Visitor<'de> for RepliesVisitor {
    type Value = Replies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply such as `return: {}`, or a list of replies")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Replies, A::Error> {
        Reply::deserialize(MapAccessDeserializer::new(map)).map(Replies::Always)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Replies, A::Error> {
        let mut replies = Vec::new();
        while let Some(reply) = items.next_element()? {
            if replies.len() >= REPLIES_MAX {
                return Err(A::Error::custom(format!("more than {REPLIES_MAX} replies")));
            }
            replies.push(reply);
        }
        Ok(Replies::InTurn(replies))
    }
}

impl JsonSchema for Reply {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl JsonSchema for Replies {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Replies".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (one, many) = (generator.subschema_for::<Reply>(), generator.subschema_for::<Vec<Reply>>());
        schemars::json_schema!({
            "description": "One reply to every call, or a list of replies, one call after another.",
            "anyOf": [one, many],
        })
    }
}
