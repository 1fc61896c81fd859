//! Where in a JSON text the value of a JSON pointer stands. Tolerant: reads as far as it understands, so that a
//! text with faults still has places. Does not check the text.

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Byte, from 0.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
}

/// From a place up to, but not including, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// Behind the last one.
    pub end: Position,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The member's name, with its quotes; none for the root and for elements of arrays.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
    /// Whether the whole pointer was followed; else this is the nearest value above.
    pub is_exact: bool,
}

/// Nesting that is followed; a deeper text has the places of this depth.
const DEPTH_MAX: usize = 512;

/// The place of what `pointer` names, or of the nearest value above it; none if there is no value at all.
/// Of members with the same name the last one counts, as for parsers.
pub fn locate(text: &str, pointer: &str) -> Option<Place> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.blank();
    let names: Vec<String> = pointer.split('/').skip(1).filter(|_| pointer != "/").map(unescape).collect();
    let found = scanner.follow(None, &names, 0)?;
    let positions = Positions { text };
    Some(Place {
        key: found.key.map(|(start, end)| positions.span(start, end)),
        value: positions.span(found.value.0, found.value.1),
        is_exact: found.is_exact,
    })
}

/// The line and column of a byte.
pub fn position(text: &str, offset: usize) -> Position {
    Positions { text }.of(offset)
}

fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

struct Positions<'t> {
    text: &'t str,
}

impl Positions<'_> {
    fn of(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Position { offset, line, column }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: self.of(start), end: self.of(end) }
    }
}

struct Found {
    key: Option<(usize, usize)>,
    value: (usize, usize),
    is_exact: bool,
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Reads the value here and follows `names` into it.
    fn follow(&mut self, key: Option<(usize, usize)>, names: &[String], depth: usize) -> Option<Found> {
        let start = self.at;
        let inner = match (names.split_first(), self.peek()?) {
            (Some((name, rest)), b'{') if depth < DEPTH_MAX => self.member(name, rest, depth),
            (Some((name, rest)), b'[') if depth < DEPTH_MAX => self.element(name, rest, depth),
            _ => {
                self.skip();
                None
            }
        };
        if self.at == start {
            return None;
        }
        let own = Found { key, value: (start, self.at), is_exact: names.is_empty() };
        Some(inner.unwrap_or(own))
    }

    fn member(&mut self, wanted: &str, rest: &[String], depth: usize) -> Option<Found> {
        let mut found = None;
        self.at += 1;
        while self.next_item(b'}') {
            let start = self.at;
            if self.peek() != Some(b'"') {
                self.skip();
                continue;
            }
            self.string();
            let end = self.at;
            self.blank();
            if self.peek() != Some(b':') {
                continue;
            }
            self.at += 1;
            self.blank();
            if self.is_name(start, end, wanted) {
                found = self.follow(Some((start, end)), rest, depth + 1).or(found);
            } else {
                self.skip();
            }
        }
        found
    }

    fn element(&mut self, wanted: &str, rest: &[String], depth: usize) -> Option<Found> {
        let (wanted, mut index, mut found) = (wanted.parse::<usize>().ok(), 0_usize, None);
        self.at += 1;
        while self.next_item(b']') {
            if Some(index) == wanted {
                found = self.follow(None, rest, depth + 1);
            } else {
                self.skip();
            }
            index += 1;
        }
        found
    }

    /// Goes to the next item of an object or array; past its end if there is none.
    fn next_item(&mut self, end: u8) -> bool {
        loop {
            self.blank();
            match self.peek() {
                None => return false,
                Some(byte) if byte == end => {
                    self.at += 1;
                    return false;
                }
                // WHY: a separator too many, or the end of something else, is stepped over.
                Some(b',' | b':' | b'}' | b']') => self.at += 1,
                Some(_) => return true,
            }
        }
    }

    fn is_name(&self, start: usize, end: usize, wanted: &str) -> bool {
        let Some(written) = self.bytes.get(start..end) else { return false };
        let inner = written.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        match inner {
            Some(inner) if !inner.contains(&b'\\') => inner == wanted.as_bytes(),
            _ => serde_json::from_slice::<String>(written).is_ok_and(|name| name == wanted),
        }
    }

    /// Passes over a string, to its end or the end of the line.
    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\n' => return,
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                _ => self.at += 1,
            }
        }
    }

    /// Passes over one value without recursion, whatever its depth.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return,
                b',' | b':' => self.at += 1,
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => self.word(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A number, a literal, or anything that is neither.
    fn word(&mut self) {
        while self.peek().is_some_and(|byte| !b",:{}[]\"".contains(&byte) && !byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
