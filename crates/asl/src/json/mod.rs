//! The first error of a text that is no JSON, in the words of the parser that AWS uses (Jackson).
//! Does not build values: `serde_json` does, and this scan runs only after it has refused a text.

mod number;
mod scan;

use std::fmt;

use scan::Scan;

/// Longest part of the text that a location repeats, in UTF-16 units.
const SNIPPET_UNITS_MAX: usize = 500;

/// What the parser says of a text that it does not understand, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Such as `Unexpected character ('}' (code 125)): was expecting ...`, without the place.
    pub message: String,
    /// The place as AWS writes it: `[Source: (String)"..."; line: 1, column: 4]`.
    pub location: String,
    /// Line of the text, from 1.
    pub line: usize,
    /// Column in UTF-16 units, from 1: the one after the last character that was read.
    pub column: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n at {}", self.message, self.location)
    }
}

/// The first error of a JSON text; nothing if it is one.
pub fn first_error(text: &str) -> Option<Error> {
    Scan::new(text).document().err().map(|error| *error)
}

/// A place in a text as AWS writes it.
fn location(units: &[u16], line: usize, column: usize) -> String {
    let shown = units.get(..SNIPPET_UNITS_MAX).unwrap_or(units);
    let left = units.len() - shown.len();
    let truncated = if left == 0 { String::new() } else { format!("[truncated {left} chars]") };
    format!(
        "[Source: (String)\"{}\"{truncated}; line: {line}, column: {column}]",
        String::from_utf16_lossy(shown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, message: &str, line: usize, column: usize) {
        let error = first_error(text).unwrap_or_else(|| panic!("{text:?} has no error"));
        assert_eq!((error.message.as_str(), error.line, error.column), (message, line, column), "{text:?}");
    }

    #[test]
    fn json_has_no_error() {
        for text in [
            "{}",
            "[]",
            "0",
            "-1.5e+3",
            "\"\"",
            "null",
            " {\"a\":[1,true,{\"b\":\"\\u00e9\\n\"}]} ",
            "",
            "\t\r\n",
        ] {
            assert_eq!(first_error(text), None, "{text:?}");
        }
    }

    #[test]
    fn unknown_words_are_named_whole() {
        let expected =
            "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
        check("not a definition", &format!("Unrecognized token 'not': {expected}"), 1, 4);
        check("{\"a\": tru}", &format!("Unrecognized token 'tru': {expected}"), 1, 10);
        check("{\"a\": True}", &format!("Unrecognized token 'True': {expected}"), 1, 11);
        check("[nullable]", &format!("Unrecognized token 'nullable': {expected}"), 1, 10);
        let error = first_error("not a definition").unwrap();
        assert_eq!(
            error.to_string(),
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4]"
        );
    }

    #[test]
    fn unexpected_characters_are_named_with_their_code() {
        let value =
            "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
        let name = "was expecting double-quote to start field name";
        check("{'a': 1}", &format!("Unexpected character (''' (code 39)): {name}"), 1, 3);
        check("{\"a\": 1,}", &format!("Unexpected character ('}}' (code 125)): {name}"), 1, 10);
        check("{a: 1}", &format!("Unexpected character ('a' (code 97)): {name}"), 1, 3);
        check("[1,]", &format!("Unexpected character (']' (code 93)): {value}"), 1, 5);
        check("{\"a\": *}", &format!("Unexpected character ('*' (code 42)): {value}"), 1, 8);
        check(
            "[\"\", \u{201c}x]",
            &format!("Unexpected character ('\u{201c}' (code 8220 / 0x201c)): {value}"),
            1,
            7,
        );
        check(
            "{\n  \"a\" 1}",
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
            2,
            8,
        );
        check(
            "{\"a\": 1\n\"b\": 2}",
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
            2,
            2,
        );
        check(
            "[1 2]",
            "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
            1,
            5,
        );
        check("{\"a\":}", "Unexpected character ('}' (code 125)): expected a value", 1, 7);
        check(
            "{} x",
            "Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            1,
            5,
        );
        check(
            "{ // no\n}",
            "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
            1,
            4,
        );
        check(
            "{\u{1}}",
            "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, \\t) is allowed between tokens",
            1,
            3,
        );
    }

    #[test]
    fn an_early_end_names_what_is_open() {
        check(
            "{\"StartAt\": \"A\"",
            "Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)\"{\"StartAt\": \"A\"\"; line: 1, column: 1])",
            1,
            16,
        );
        check("{\"a\": \"b", "Unexpected end-of-input: was expecting closing quote for a string value", 1, 9);
        check("{\"a", "Unexpected end-of-input in field name", 1, 4);
        check("{\"a\"", "Unexpected end-of-input within/between Object entries", 1, 5);
        check("[1,", "Unexpected end-of-input within/between Array entries", 1, 4);
        check("[\"\\u12", "Unexpected end-of-input in character escape sequence", 1, 7);
        check(
            "[}",
            "Unexpected close marker '}': expected ']' (for Array starting at [Source: (String)\"[}\"; line: 1, column: 1])",
            1,
            3,
        );
        check(
            "{}}",
            "Unexpected close marker '}': expected ']' (for root starting at [Source: (String)\"{}}\"; line: 1, column: 0])",
            1,
            4,
        );
    }

    #[test]
    fn texts_and_numbers_have_their_own_errors() {
        check(
            "[\"a\nb\"]",
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value",
            1,
            5,
        );
        check("[\"\\x\"]", "Unrecognized character escape 'x' (code 120)", 1, 5);
        check(
            "[\"\\u00g0\"]",
            "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
            1,
            8,
        );
        check("[01]", "Invalid numeric value: Leading zeroes not allowed", 1, 3);
        check(
            "[-x]",
            "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
            1,
            4,
        );
        check(
            "[1.x]",
            "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit",
            1,
            4,
        );
        check(
            "[1ex]",
            "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit",
            1,
            4,
        );
        check(
            "[NaN]",
            "Non-standard token 'NaN': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow",
            1,
            5,
        );
        check(
            "1x",
            "Unexpected character ('x' (code 120)): Expected space separating root-level values",
            1,
            3,
        );
    }

    #[test]
    fn long_texts_are_shown_in_part() {
        let text = format!("x{}", " ".repeat(600));
        let error = first_error(&text).unwrap();
        assert!(
            error.location.ends_with("\"[truncated 101 chars]; line: 1, column: 2]"),
            "{}",
            error.location
        );
    }
}
