//! `States.*` intrinsic functions: the call's syntax and its arguments. The functions are in siblings.
//!
//! The language names a function's failure `States.IntrinsicFailure`; AWS reports `States.Runtime`, which nothing
//! catches, and so does this.

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
    apply: fn(&[Value], u64) -> Result<Value, Refusal>,
}

/// Why a function refuses its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Their number, their types or their values.
    Arguments,
    /// A template has more or fewer places than there are values.
    Count,
    /// A template is none.
    Template(&'static str),
}

impl Refusal {
    /// AWS's text.
    fn text(self, function: &str) -> String {
        match self {
            Self::Arguments => format!("Invalid arguments in {function}"),
            Self::Count => format!(
                "Invalid arguments in {function}: number of arguments do not match the occurrences of {{}}."
            ),
            Self::Template(why) => format!("Invalid template in {function}: {why}"),
        }
    }
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
        self.value(env).map_err(|failure| match failure {
            Failure::Function(why) => {
                Fault::runtime(format!("The function '{}' had the following error: {why}", self.text))
            }
            Failure::Other(fault) => fault,
        })
    }

    fn value(&self, env: &Env<'_>) -> Result<Value, Failure> {
        let refused = |refusal: Refusal| Failure::Function(refusal.text(self.function.name));
        let (least, most) = self.function.arity;
        if !(least..=most).contains(&self.arguments.len()) {
            return Err(refused(Refusal::Arguments));
        }
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Path(path) => env.select(path).map_err(|fault| missing(fault, env.input))?,
                Argument::Call(call) => call.value(env)?,
            });
        }
        (self.function.apply)(&values, env.names.entropy()).map_err(refused)
    }
}

/// Why a call gave nothing: the outermost one names itself.
enum Failure {
    Function(String),
    Other(Fault),
}

fn missing(fault: Fault, input: &Value) -> Failure {
    match fault {
        // WHY: here AWS shows what its library for JSONPath says.
        Fault::Missing { why, .. } if why.starts_with("Filter: ") => Failure::Function(why),
        Fault::Missing { path, .. } => {
            let path = path.strip_prefix('$').filter(|inner| inner.starts_with('$')).unwrap_or(&path);
            Failure::Function(format!(
                "The JsonPath argument for the field '{path}' could not be found in the input '{input}'"
            ))
        }
        other => Failure::Other(other),
    }
}

#[cfg(test)]
mod tests;
