//! Text to [`Path`]. Does not evaluate.

use super::filter::{Comparison, Filter, Operand};
use super::{Function, Path, Root, Segment};
use crate::limits::NESTING_MAX;

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {at}")]
pub(crate) struct SyntaxError {
    pub message: String,
    pub at: usize,
}

impl Path {
    /// Parses a whole text as one path.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser::new(text);
        let path = parser.path()?;
        if parser.rest().is_empty() { Ok(path) } else { parser.fail("unexpected text after the path") }
    }

    /// Parses a path at the start of `text`; gives it with the number of bytes that it takes.
    pub fn parse_prefix(text: &str) -> Result<(Self, usize), SyntaxError> {
        let mut parser = Parser::new(text);
        let path = parser.path()?;
        Ok((path, parser.at))
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        self.space();
        if self.eat(token) { Ok(()) } else { self.fail(&format!("expected `{token}`")) }
    }

    fn fail<T>(&self, message: &str) -> Parsed<T> {
        Err(SyntaxError { message: message.to_owned(), at: self.at })
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn path(&mut self) -> Parsed<Path> {
        let from = self.at;
        let root = self.root()?;
        let mut segments = Vec::new();
        while self.segment(&mut segments)? {}
        if segments.last() == Some(&Segment::Descend) {
            return self.fail("expected a name, `*` or `[` after `..`");
        }
        let text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        Ok(Path { text, root, segments })
    }

    fn root(&mut self) -> Parsed<Root> {
        if self.eat("$$") {
            return Ok(Root::Context);
        }
        if self.eat("@") {
            return Ok(Root::Current);
        }
        if !self.eat("$") {
            return self.fail("a path starts with `$`");
        }
        let name = self.word();
        Ok(if name.is_empty() { Root::Input } else { Root::Variable(name.to_owned()) })
    }

    /// Reads one segment; `false` where the path ends.
    fn segment(&mut self, segments: &mut Vec<Segment>) -> Parsed<bool> {
        if self.eat("..") {
            segments.push(Segment::Descend);
            if self.peek() == Some('[') {
                return Ok(true);
            }
            return self.dotted(segments);
        }
        if self.eat(".") {
            if self.peek() == Some('[') {
                return Ok(true);
            }
            return self.dotted(segments);
        }
        if self.eat("[") {
            segments.push(self.bracket()?);
            return Ok(true);
        }
        Ok(false)
    }

    fn dotted(&mut self, segments: &mut Vec<Segment>) -> Parsed<bool> {
        if self.eat("*") {
            segments.push(Segment::Wildcard);
            return Ok(true);
        }
        let name = self.name();
        if name.is_empty() {
            return self.fail("expected a name");
        }
        if self.eat("()") {
            let Some(function) = Function::parse(name) else { return self.fail("unknown function") };
            segments.push(Segment::Function(function));
            return Ok(true);
        }
        segments.push(Segment::Name(name.to_owned()));
        Ok(true)
    }

    /// A name after a dot: everything up to what has a meaning in a path.
    fn name(&mut self) -> &'t str {
        let rest = self.rest();
        let ends = |c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '.' | '['
                        | ']'
                        | '('
                        | ')'
                        | ','
                        | '\''
                        | '"'
                        | '='
                        | '<'
                        | '>'
                        | '!'
                        | '&'
                        | '|'
                        | '~'
                        | '*'
                )
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn bracket(&mut self) -> Parsed<Segment> {
        self.space();
        let segment = match self.peek() {
            Some('*') => {
                self.bump();
                Segment::Wildcard
            }
            Some('?') => {
                self.bump();
                self.expect("(")?;
                let filter = self.filter()?;
                self.expect(")")?;
                Segment::Filter(filter)
            }
            Some('\'' | '"') => self.names()?,
            _ => self.numbers()?,
        };
        self.expect("]")?;
        Ok(segment)
    }

    fn names(&mut self) -> Parsed<Segment> {
        let mut names = vec![self.quoted()?];
        self.space();
        while self.eat(",") {
            self.space();
            names.push(self.quoted()?);
            self.space();
        }
        Ok(match names.pop() {
            Some(name) if names.is_empty() => Segment::Name(name),
            last => Segment::Names(names.into_iter().chain(last).collect()),
        })
    }

    fn quoted(&mut self) -> Parsed<String> {
        let Some(quote @ ('\'' | '"')) = self.bump() else { return self.fail("expected a quoted name") };
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return self.fail("the quote is not closed"),
                // WHY: a backslash guards only the quote in use; in front of anything else it is part of the name.
                Some('\\') if self.peek() == Some(quote) => text.extend(self.bump()),
                Some(c) if c == quote => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn integer(&mut self) -> Parsed<Option<i64>> {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default();
        if digits.is_empty() {
            return Ok(None);
        }
        let Ok(number) = digits.parse() else { return self.fail("expected an index") };
        self.at += end;
        self.space();
        Ok(Some(number))
    }

    fn numbers(&mut self) -> Parsed<Segment> {
        let first = self.integer()?;
        if self.eat(":") {
            return Ok(Segment::Slice(first, self.integer()?));
        }
        let Some(first) = first else { return self.fail("expected a name, an index, `*` or `?(`") };
        let mut indexes = vec![first];
        while self.eat(",") {
            let Some(index) = self.integer()? else { return self.fail("expected an index") };
            indexes.push(index);
        }
        Ok(if indexes.len() == 1 { Segment::Index(first) } else { Segment::Indexes(indexes) })
    }

    fn filter(&mut self) -> Parsed<Filter> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return self.fail("the filter is nested too deep");
        }
        let mut any = vec![self.conjunction()?];
        self.space();
        while self.eat("||") {
            any.push(self.conjunction()?);
            self.space();
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Filter::Or(any) })
    }

    fn conjunction(&mut self) -> Parsed<Filter> {
        let mut all = vec![self.term()?];
        self.space();
        while self.eat("&&") {
            all.push(self.term()?);
            self.space();
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Filter::And(all) })
    }

    fn term(&mut self) -> Parsed<Filter> {
        self.space();
        if self.eat("!") {
            self.depth += 1;
            if self.depth > NESTING_MAX {
                return self.fail("the filter is nested too deep");
            }
            let negated = self.term()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(negated)));
        }
        if self.eat("(") {
            let inner = self.filter()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.space();
        let Some(comparison) = self.comparison() else {
            return match left {
                Operand::Path(path) => Ok(Filter::Exists(path)),
                Operand::Literal(_) => self.fail("expected a comparison"),
            };
        };
        self.space();
        let right = self.operand()?;
        Ok(Filter::Compare(left, comparison, right))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        Comparison::TOKENS.iter().find(|(token, _)| self.eat(token)).map(|(_, comparison)| *comparison)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.space();
        match self.peek() {
            Some('$' | '@') => {
                self.depth += 1;
                if self.depth > NESTING_MAX {
                    return self.fail("the filter is nested too deep");
                }
                let path = self.path()?;
                self.depth -= 1;
                Ok(Operand::Path(path))
            }
            Some('\'' | '"') => Ok(Operand::Literal(self.quoted()?.into())),
            Some('[') => self.list(),
            _ => self.literal(),
        }
    }

    fn list(&mut self) -> Parsed<Operand> {
        self.expect("[")?;
        let mut values = Vec::new();
        self.space();
        while !self.eat("]") {
            if !values.is_empty() {
                self.expect(",")?;
            }
            self.space();
            let value = if matches!(self.peek(), Some('\'' | '"')) {
                self.quoted()?.into()
            } else {
                match self.literal()? {
                    Operand::Literal(value) => value,
                    Operand::Path(_) => return self.fail("expected a literal"),
                }
            };
            values.push(value);
            self.space();
        }
        Ok(Operand::Literal(values.into()))
    }

    fn literal(&mut self) -> Parsed<Operand> {
        let rest = self.rest();
        let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+'));
        let end = rest.find(ends).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        match serde_json::from_str(text) {
            Ok(value) => {
                self.at += end;
                Ok(Operand::Literal(value))
            }
            Err(_) => self.fail("expected a path, a quoted text, a number, `true`, `false` or `null`"),
        }
    }
}

impl Function {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Avg,
            "sum" => Self::Sum,
            "keys" => Self::Keys,
            "first" => Self::First,
            "last" => Self::Last,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_segment() {
        for text in [
            "$",
            "$.a",
            "$['a']",
            "$.a[0]",
            "$.a[-1]",
            "$.a[0,1]",
            "$.a[1:2]",
            "$.a[:2]",
            "$.a[1:]",
            "$..a",
            "$..[0]",
            "$.*",
            "$[*].a",
            "$['a','b']",
            "$$.Execution.Id",
            "$name.a[0]",
            "$.a.length()",
            "$.a[?(@.b == 1)]",
            "$.a[?(@.b > 1 && @.c != 'x' || !(@.d))].e",
            "$.a[?(@.b in ['x', 'y'])]",
            "$.a-b",
            "$.städte",
            "$.a[?(@['b c'] == $.d)]",
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.text, text);
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in ["", "a", "$.", "$[", "$[a]", "$.a[?(@.b ==)]", "$..", "$.a b", "$.a[1", "$['a"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
