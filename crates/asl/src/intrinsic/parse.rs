//! Text to [`Call`]. Checks names, not the arguments: as for AWS, those are judged when the call is made.

use serde_json::Value;

use super::{Argument, Call, FUNCTIONS, Function};
use crate::limits::NESTING_MAX;
use crate::path::{Path, SyntaxError};

impl Call {
    /// Parses a whole text as one call.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let call = parser.call()?;
        parser.space();
        if parser.rest().is_empty() { Ok(call) } else { parser.fail("unexpected text after the call") }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, token: char) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    fn fail<T>(&self, message: &str) -> Parsed<T> {
        Err(SyntaxError { message: message.to_owned(), at: self.at })
    }

    fn call(&mut self) -> Parsed<Call> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return self.fail("calls are nested too deep");
        }
        let from = self.at;
        let function = self.function()?;
        if !self.eat('(') {
            return self.fail("expected `(`");
        }
        let arguments = self.arguments(function)?;
        self.depth -= 1;
        let text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        Ok(Call { text, function, arguments })
    }

    fn function(&mut self) -> Parsed<&'static Function> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        match FUNCTIONS.iter().find(|function| function.name == name) {
            Some(function) => {
                self.at += end;
                Ok(function)
            }
            None => self.fail("expected a path or an intrinsic function such as `States.Format`"),
        }
    }

    fn arguments(&mut self, function: &Function) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        if self.eat(')') {
            return Ok(arguments);
        }
        loop {
            // WHY: in a template an escaped brace is none of its places; the function reads the escapes.
            let is_template = function.name == "States.Format" && arguments.is_empty();
            arguments.push(self.argument(is_template)?);
            if self.eat(')') {
                return Ok(arguments);
            }
            if !self.eat(',') {
                return self.fail("expected `,` or `)`");
            }
        }
    }

    fn argument(&mut self, is_template: bool) -> Parsed<Argument> {
        self.space();
        let rest = self.rest();
        if rest.starts_with('$') {
            let (path, length) = Path::parse_prefix(rest)
                .map_err(|error| SyntaxError { message: error.message, at: self.at + error.at })?;
            self.at += length;
            return Ok(Argument::Path(path));
        }
        if rest.starts_with('\'') {
            return self.quoted(is_template);
        }
        if rest.starts_with("States.") {
            return self.call().map(Argument::Call);
        }
        self.literal()
    }

    /// A text in single quotes. A backslash guards a quote, a brace or another backslash, and nothing else.
    fn quoted(&mut self, is_template: bool) -> Parsed<Argument> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '\'' => {
                    self.at += at + 1;
                    return Ok(Argument::Literal(Value::String(text)));
                }
                '\\' => match characters.next() {
                    Some((_, '\'')) => text.push('\''),
                    Some((_, guarded @ ('{' | '}' | '\\'))) if is_template => text.extend(['\\', guarded]),
                    Some((_, guarded @ ('{' | '}' | '\\'))) => text.push(guarded),
                    Some(_) => return self.fail("a backslash guards only quotes, braces and backslashes"),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.fail("the quote is not closed")
    }

    fn literal(&mut self) -> Parsed<Argument> {
        let rest = self.rest();
        let end = rest.find([',', ')']).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default().trim();
        match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => {
                self.at += end;
                Ok(Argument::Literal(value))
            }
            _ => self.fail(
                "expected a path, a text in single quotes, a number, `true`, `false`, `null` or a call",
            ),
        }
    }
}
