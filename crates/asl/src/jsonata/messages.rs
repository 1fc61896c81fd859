//! The words of errors. AWS shows those of the language's reference implementation, in which every value stands
//! as JSON; the library has its own. Does not decide what an error is.
//!
//! What exceeds a limit has no code, and AWS sets it off by a colon:
//! `threw an error during evaluation: Stack overflow error: ...`.

use std::borrow::Cow;

use super::signatures;
use super::uses::Uses;

/// Words without a code: an evaluation that nests too deeply.
pub(super) const TOO_DEEP: &str = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive";
/// Words without a code: an evaluation that takes too long.
pub(super) const TOO_LONG: &str = "Expression evaluation timeout: Check for infinite loop";
/// Words without a code: an evaluation that holds too much.
pub(super) const TOO_LARGE: &str =
    "Expression evaluation memory limit exceeded: Check for excessive memory usage";

/// The code and the rest of `T1006: Attempted to invoke a non-function`.
pub(super) fn coded(message: &str) -> Option<(&str, &str)> {
    let (code, rest) = message.split_once(": ")?;
    let mut bytes = code.bytes();
    let is_code = bytes.next().is_some_and(|first| first.is_ascii_uppercase())
        && bytes.len() == 4
        && bytes.all(|byte| byte.is_ascii_digit());
    is_code.then_some((code, rest))
}

/// The message from its code on: the library puts the kind of some errors before it.
pub(super) fn from_code(message: &str) -> &str {
    ["Invalid syntax: ", "Invalid number: ", "Signature validation failed: "]
        .iter()
        .find_map(|kind| message.strip_prefix(kind))
        .unwrap_or(message)
}

/// The words about an expression that cannot be parsed.
pub(super) fn of_parsing(message: &str) -> String {
    let message = from_code(message);
    let Some((code, rest)) = coded(message) else {
        return if message == "Unclosed comment" {
            "S0106: Comment has no closing tag".to_owned()
        } else {
            message.to_owned()
        };
    };
    let between = |before: &str, after: &str| rest.strip_prefix(before)?.strip_suffix(after).map(symbol);
    let reworded = match code {
        "S0102" => between("Number out of range: ", "").map(|token| format!("Number out of range: {token}")),
        "S0103" => between("Unsupported escape sequence: \\", "")
            .map(|token| format!("Unsupported escape sequence: \\{token}")),
        "S0201" => between("Syntax error: ", "").map(|token| format!("Syntax error: {token}")),
        "S0202" => rest
            .strip_prefix("Expected ")
            .and_then(|rest| rest.split_once(", got "))
            .map(|(expected, found)| format!("Expected {}, got {}", symbol(expected), symbol(found))),
        "S0203" => between("Expected ", " before end of expression")
            .map(|token| format!("Expected {token} before end of expression")),
        "S0204" => between("Unknown operator: ", "").map(|token| format!("Unknown operator: {token}")),
        "S0211" => between("The symbol ", " cannot be used as a unary operator")
            .map(|token| format!("The symbol {token} cannot be used as a unary operator")),
        "S0214" => between("Expected a variable reference after ", "")
            .map(|token| format!("The right side of {token} must be a variable name (start with $)")),
        "U1002" => return TOO_DEEP.to_owned(),
        _ => None,
    };
    reworded.map_or_else(|| message.to_owned(), |words| format!("{code}: {words}"))
}

/// The words about an evaluation that failed.
pub(super) fn of_evaluation<'a>(message: &'a str, uses: &Uses) -> Cow<'a, str> {
    let message = from_code(message);
    let Some((code, rest)) = coded(message) else { return Cow::Borrowed(message) };
    let words: Cow<'_, str> = match code {
        "D1011" | "U1001" | "U1002" => return Cow::Borrowed(TOO_DEEP),
        "D1012" => return Cow::Borrowed(TOO_LONG),
        "D2014" | "D2015" => return Cow::Borrowed(TOO_LARGE),
        "T0410" | "T0412" => signatures::mismatch(code, rest, uses).into(),
        "T2001" | "T2002" => operator(rest).into(),
        "D3030" => cast(rest).into(),
        "D3100" => radix(rest).into(),
        "D3132" => format!("Unknown component specifier {} in date/time picture string", quoted(rest)).into(),
        "D3133" => format!(
            "The 'name' modifier can only be applied to months and days in the date/time picture string, not {}",
            quoted(rest)
        )
        .into(),
        "D3130" => format!(
            "Formatting or parsing an integer as a sequence starting with {} is not supported by this implementation",
            quoted(rest)
        )
        .into(),
        "D3138" => "The $single() function expected exactly 1 matching result.  Instead it matched more.".into(),
        _ => match FIXED.iter().find(|(known, _)| *known == code) {
            Some((_, words)) => Cow::Borrowed(*words),
            None => return Cow::Borrowed(message),
        },
    };
    Cow::Owned(format!("{code}: {words}"))
}

/// Words that hold no value.
const FIXED: &[(&str, &str)] = &[
    ("D1002", "Cannot negate a non-numeric value"),
    ("D3001", "Attempting to invoke string function on Infinity or NaN"),
    ("D3010", "Second argument of replace function cannot be an empty string"),
    ("D3020", "Third argument of split function must evaluate to a positive number"),
    ("D3080", "The picture string must only contain a maximum of two sub-pictures"),
    ("D3081", "The sub-picture must not contain more than one instance of the 'decimal-separator' character"),
    ("D3082", "The sub-picture must not contain more than one instance of the 'percent' character"),
    ("D3083", "The sub-picture must not contain more than one instance of the 'per-mille' character"),
    ("D3084", "The sub-picture must not contain both a 'percent' and a 'per-mille' character"),
    (
        "D3085",
        "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'",
    ),
    (
        "D3086",
        "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
    ),
    (
        "D3087",
        "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character",
    ),
    ("D3088", "The sub-picture must not contain a 'grouping-separator' at the end of the integer part"),
    (
        "D3089",
        "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character",
    ),
    (
        "D3090",
        "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'",
    ),
    (
        "D3091",
        "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'",
    ),
    (
        "D3092",
        "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'",
    ),
    (
        "D3093",
        "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'",
    ),
    ("D3131", "In a decimal digit pattern, all digits must be from the same decimal group"),
    ("D3135", "No matching closing bracket ']' in date/time picture string"),
    ("D3136", "The date/time picture string is missing specifiers required to parse the timestamp"),
    ("T1006", "Attempted to invoke a non-function"),
    ("T2003", "The left side of the range operator (..) must evaluate to an integer"),
    ("T2004", "The right side of the range operator (..) must evaluate to an integer"),
    ("T2011", "The insert/update clause of the transform expression must evaluate to an object"),
    ("T2012", "The delete clause of the transform expression must evaluate to a string or array of strings"),
];

/// `The left side of the + operator must evaluate to a number`, with the operator as JSON.
fn operator(words: &str) -> String {
    let parts = words.split_once(" of the ").and_then(|(side, rest)| {
        let (operator, end) = rest.split_once(" operator ")?;
        Some(format!("{side} of the {} operator {end}", quoted(operator)))
    });
    parts.unwrap_or_else(|| words.to_owned())
}

fn cast(words: &str) -> String {
    let text = words.strip_prefix("Cannot convert '").and_then(|rest| rest.strip_suffix("' to number"));
    match text {
        Some(text) => format!("Unable to cast value to a number: {}", quoted(text)),
        None => "Unable to cast value to a number".to_owned(),
    }
}

fn radix(words: &str) -> String {
    let given = words.rsplit_once("got ").map_or("", |(_, given)| given);
    format!("The radix of the formatBase function must be between 2 and 36.  It was given {given}")
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The library's names of the language's symbols.
const SYMBOLS: &[(&str, &str)] = &[
    ("Ampersand", "&"),
    ("And", "and"),
    ("At", "@"),
    ("Caret", "^"),
    ("Colon", ":"),
    ("ColonEqual", ":="),
    ("Comma", ","),
    ("Dot", "."),
    ("DotDot", ".."),
    ("Equal", "="),
    ("GreaterThan", ">"),
    ("GreaterThanOrEqual", ">="),
    ("Hash", "#"),
    ("In", "in"),
    ("LeftBrace", "{"),
    ("LeftBracket", "["),
    ("LeftParen", "("),
    ("LessThan", "<"),
    ("LessThanOrEqual", "<="),
    ("Minus", "-"),
    ("NotEqual", "!="),
    ("Or", "or"),
    ("Percent", "%"),
    ("Pipe", "|"),
    ("Plus", "+"),
    ("Question", "?"),
    ("QuestionColon", "?:"),
    ("QuestionQuestion", "??"),
    ("RightBrace", "}"),
    ("RightBracket", "]"),
    ("RightParen", ")"),
    ("Semicolon", ";"),
    ("Slash", "/"),
    ("Star", "*"),
    ("StarStar", "**"),
    ("TildeArrow", "~>"),
];

/// What the library calls `RightBracket` or `Identifier("a")`, as JSON of what is written.
fn symbol(name: &str) -> String {
    if let Some((_, symbol)) = SYMBOLS.iter().find(|(known, _)| *known == name) {
        return quoted(symbol);
    }
    let inner = name.strip_suffix(')').and_then(|rest| rest.split_once('('));
    match inner {
        Some(("Identifier" | "Variable" | "String" | "Function", text)) => text.to_owned(),
        Some(("Number", number)) => number.strip_suffix(".0").unwrap_or(number).to_owned(),
        _ => match name {
            "True" | "False" | "Null" => name.to_ascii_lowercase(),
            _ => quoted(name),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsing(text: &str) -> String {
        super::super::limits::parse(text).unwrap_err()
    }

    #[test]
    fn syntax_errors_show_what_is_written() {
        for (text, words) in [
            ("a[1,2)", r#"S0202: Expected "]", got ",""#),
            ("\"unterminated", "S0101: String literal must be terminated by a matching quote"),
            ("1 +", "S0207: Unexpected end of expression"),
            ("", "S0207: Unexpected end of expression"),
            ("{\"a\":}", r#"S0211: The symbol "}" cannot be used as a unary operator"#),
            ("(1", r#"S0203: Expected ")" before end of expression"#),
            ("a b", r#"S0201: Syntax error: "b""#),
            ("1 2", "S0201: Syntax error: 2"),
            ("1)", r#"S0201: Syntax error: ")""#),
            ("a ! b", r#"S0204: Unknown operator: "!""#),
            ("/* abc", "S0106: Comment has no closing tag"),
            ("10e1000", r#"S0102: Number out of range: "10e1000""#),
            ("a.1", "S0213: The literal value 1 cannot be used as a step within a path expression"),
        ] {
            assert_eq!(parsing(text), words, "{text}");
        }
    }

    #[test]
    fn nesting_without_end_is_an_error_of_parsing() {
        for open in ["(", "[", "{'a':", "-", "a.(", "function($x){", "1+", "a[", "$f(", "1?", "|a|"] {
            assert_eq!(parsing(&open.repeat(10_000)), TOO_DEEP, "{open}");
        }
    }
}
