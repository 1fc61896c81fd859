//! `States.*` intrinsic functions: the call's syntax and its arguments. The functions are in siblings.

mod array;
mod java;
mod parse;
mod text;

pub(crate) use array::mix;
pub(crate) use text::{digest, uuid_text};

use serde_json::Value;

use crate::expression::{Env, Fault};
use crate::path::Path;

/// One call, parsed once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// As written.
    pub text: String,
    function: &'static Function,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug, PartialEq)]
enum Argument {
    Literal(Value),
    Path(Path),
    Call(Call),
}

/// An intrinsic function: one line of [`FUNCTIONS`].
#[derive(Debug)]
struct Function {
    name: &'static str,
    /// Fewest and most arguments.
    arity: (usize, usize),
    apply: fn(&[Value], u64) -> Result<Value, String>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

const MANY: usize = 10_000;

/// All intrinsic functions.
const FUNCTIONS: &[Function] = &[
    Function { name: "States.Array", arity: (0, MANY), apply: array::array },
    Function { name: "States.ArrayContains", arity: (2, 2), apply: array::contains },
    Function { name: "States.ArrayGetItem", arity: (2, 2), apply: array::get_item },
    Function { name: "States.ArrayLength", arity: (1, 1), apply: array::length },
    Function { name: "States.ArrayPartition", arity: (2, 2), apply: array::partition },
    Function { name: "States.ArrayRange", arity: (3, 3), apply: array::range },
    Function { name: "States.ArrayUnique", arity: (1, 1), apply: array::unique },
    Function { name: "States.Base64Decode", arity: (1, 1), apply: text::base64_decode },
    Function { name: "States.Base64Encode", arity: (1, 1), apply: text::base64_encode },
    Function { name: "States.Format", arity: (1, MANY), apply: text::format },
    Function { name: "States.Hash", arity: (2, 2), apply: text::hash },
    Function { name: "States.JsonMerge", arity: (3, 3), apply: text::json_merge },
    Function { name: "States.JsonToString", arity: (1, 1), apply: text::json_to_string },
    Function { name: "States.MathAdd", arity: (2, 2), apply: array::math_add },
    Function { name: "States.MathRandom", arity: (2, 3), apply: array::math_random },
    Function { name: "States.StringSplit", arity: (2, 2), apply: text::string_split },
    Function { name: "States.StringToJson", arity: (1, 1), apply: text::string_to_json },
    Function { name: "States.UUID", arity: (0, 0), apply: text::uuid },
];

/// Functions whose result is a text.
const TEXT_FUNCTIONS: &[&str] = &[
    "States.ArrayGetItem",
    "States.Base64Decode",
    "States.Base64Encode",
    "States.Format",
    "States.Hash",
    "States.JsonToString",
    "States.UUID",
];

impl Call {
    /// Whether the result may be a text.
    pub fn gives_text(&self) -> bool {
        TEXT_FUNCTIONS.contains(&self.function.name)
    }

    /// The call's result.
    pub fn evaluate(&self, env: &Env<'_>) -> Result<Value, Fault> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Path(path) => env.select(path)?,
                Argument::Call(call) => call.evaluate(env)?,
            });
        }
        let entropy = env.names.entropy();
        (self.function.apply)(&values, entropy)
            .map_err(|why| Fault::Intrinsic(format!("{} failed: {why}", self.function.name)))
    }
}

#[cfg(test)]
mod tests;
