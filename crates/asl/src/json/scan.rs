//! Reads a JSON text token by token and stops at the first error, as Jackson's reader does.
//! Values are skipped, not kept.

use super::{Error, location};

/// How the scan ends early; boxed, since it is rare and large.
pub(super) type Found = Box<Error>;

/// Longest unknown word that a message repeats.
const TOKEN_UNITS_MAX: usize = 256;
/// What Jackson lists as values.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// An array or object that is open, and where it began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Root,
    Array,
    Object,
}

struct Open {
    kind: Kind,
    line: usize,
    column: usize,
    entries: usize,
}

/// A text and how far it has been read.
pub(super) struct Scan {
    units: Vec<u16>,
    at: usize,
    line: usize,
    line_start: usize,
    open: Vec<Open>,
}

impl Scan {
    pub fn new(text: &str) -> Self {
        let root = Open { kind: Kind::Root, line: 1, column: 0, entries: 0 };
        Self { units: text.encode_utf16().collect(), at: 0, line: 1, line_start: 0, open: vec![root] }
    }

    /// Reads the whole text.
    pub fn document(mut self) -> Result<(), Found> {
        // Every round reads at least one unit, so the text's length bounds the loop.
        while let Some(unit) = self.skip_space()? {
            self.token(unit)?;
        }
        let (kind, at) = (self.kind(), self.start());
        let marker = if kind == Kind::Array { "Array" } else { "Object" };
        if kind == Kind::Root {
            return Ok(());
        }
        Err(self.early_end(&format!(": expected close marker for {marker} (start marker at {at})")))
    }

    /// One token that begins with `unit`, which has been read.
    fn token(&mut self, unit: u16) -> Result<(), Found> {
        if unit == u16::from(b']') || unit == u16::from(b'}') {
            return self.close(unit);
        }
        let mut unit = unit;
        let expects_comma = self.open.last().is_some_and(|open| open.kind != Kind::Root && open.entries > 0);
        if expects_comma {
            unit = self.comma(unit)?;
        }
        if let Some(open) = self.open.last_mut() {
            open.entries += 1;
        }
        if self.kind() == Kind::Object {
            if unit != u16::from(b'"') {
                return Err(self.unexpected(unit, "was expecting double-quote to start field name"));
            }
            self.text(" in field name", "name")?;
            unit = self.colon()?;
        }
        self.value(unit)
    }

    fn value(&mut self, unit: u16) -> Result<(), Found> {
        match ascii(unit) {
            '"' => self.text(": was expecting closing quote for a string value", "string value"),
            '[' => self.begin(Kind::Array),
            '{' => self.begin(Kind::Object),
            '}' => Err(self.unexpected(unit, "expected a value")),
            't' => self.word("true"),
            'f' => self.word("false"),
            'n' => self.word("null"),
            '-' | '0'..='9' => {
                self.number(unit)?;
                self.root_space()
            }
            'N' => {
                self.word("NaN")?;
                Err(self.not_standard("NaN"))
            }
            'I' => {
                self.word("Infinity")?;
                Err(self.not_standard("Infinity"))
            }
            _ if is_word_start(unit) => Err(self.unknown_word(self.at - 1)),
            _ => Err(self.unexpected(unit, &format!("expected a valid value {VALUES}"))),
        }
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Found> {
        let column = self.at - self.line_start;
        self.open.push(Open { kind, line: self.line, column, entries: 0 });
        Ok(())
    }

    fn close(&mut self, unit: u16) -> Result<(), Found> {
        let (kind, expected) = if unit == u16::from(b']') { (Kind::Array, '}') } else { (Kind::Object, ']') };
        if self.kind() != kind {
            let (name, at) = (self.name(), self.start());
            let marker = ascii(unit);
            return Err(self.error(format!(
                "Unexpected close marker '{marker}': expected '{expected}' (for {name} starting at {at})"
            )));
        }
        self.open.pop();
        Ok(())
    }

    fn comma(&mut self, unit: u16) -> Result<u16, Found> {
        if unit != u16::from(b',') {
            let what = format!("was expecting comma to separate {} entries", self.name());
            return Err(self.unexpected(unit, &what));
        }
        let within = format!(" within/between {} entries", self.name());
        self.skip_space()?.ok_or_else(|| self.early_end(&within))
    }

    fn colon(&mut self) -> Result<u16, Found> {
        let within = format!(" within/between {} entries", self.name());
        let colon = self.skip_space()?.ok_or_else(|| self.early_end(&within))?;
        if colon != u16::from(b':') {
            return Err(self.unexpected(colon, "was expecting a colon to separate field name and value"));
        }
        self.skip_space()?.ok_or_else(|| self.early_end(&within))
    }

    /// A text after its opening quote.
    fn text(&mut self, early_end: &str, what: &str) -> Result<(), Found> {
        loop {
            let Some(unit) = self.next() else { return Err(self.early_end(early_end)) };
            match ascii(unit) {
                '"' => return Ok(()),
                '\\' => self.escape()?,
                _ if unit < 0x20 => {
                    let name = describe(unit);
                    return Err(self.error(format!(
                        "Illegal unquoted character ({name}): has to be escaped using backslash to be included in {what}"
                    )));
                }
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), Found> {
        const END: &str = " in character escape sequence";
        let Some(unit) = self.next() else { return Err(self.early_end(END)) };
        match ascii(unit) {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => return Ok(()),
            'u' => {}
            _ => return Err(self.error(format!("Unrecognized character escape {}", describe(unit)))),
        }
        for _ in 0..4 {
            let Some(unit) = self.next() else { return Err(self.early_end(END)) };
            if !ascii(unit).is_ascii_hexdigit() {
                return Err(self.unexpected(unit, "expected a hex-digit for character escape sequence"));
            }
        }
        Ok(())
    }

    /// A word whose first letter has been read.
    fn word(&mut self, word: &str) -> Result<(), Found> {
        let start = self.at - 1;
        for letter in word.bytes().skip(1) {
            if self.peek() != Some(u16::from(letter)) {
                return Err(self.unknown_word(start));
            }
            self.at += 1;
        }
        match self.peek() {
            Some(unit) if is_word_part(unit) => Err(self.unknown_word(start)),
            _ => Ok(()),
        }
    }

    fn unknown_word(&mut self, start: usize) -> Found {
        while self.peek().is_some_and(is_word_part) && self.at - start < TOKEN_UNITS_MAX {
            self.at += 1;
        }
        let word = String::from_utf16_lossy(self.units.get(start..self.at).unwrap_or_default());
        let more = if self.at - start >= TOKEN_UNITS_MAX { "..." } else { "" };
        self.error(format!("Unrecognized token '{word}{more}': was expecting {VALUES}"))
    }

    fn not_standard(&self, word: &str) -> Found {
        self.error(format!(
            "Non-standard token '{word}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
        ))
    }

    /// Numbers at the root need space behind them.
    fn root_space(&mut self) -> Result<(), Found> {
        match self.peek() {
            Some(unit) if self.kind() == Kind::Root && !matches!(ascii(unit), ' ' | '\t' | '\r' | '\n') => {
                self.at += 1;
                Err(self.unexpected(unit, "Expected space separating root-level values"))
            }
            _ => Ok(()),
        }
    }

    /// The next unit that is no space, read.
    fn skip_space(&mut self) -> Result<Option<u16>, Found> {
        while let Some(unit) = self.next() {
            match ascii(unit) {
                ' ' | '\t' => {}
                '\n' => self.new_line(),
                '\r' => {
                    if self.peek() == Some(u16::from(b'\n')) {
                        self.at += 1;
                    }
                    self.new_line();
                }
                '/' => {
                    return Err(self.unexpected(
                        unit,
                        "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
                    ));
                }
                _ if unit < 0x20 => {
                    let name = describe(unit);
                    return Err(self.error(format!(
                        "Illegal character ({name}): only regular white space (\\r, \\n, \\t) is allowed between tokens"
                    )));
                }
                _ => return Ok(Some(unit)),
            }
        }
        Ok(None)
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
    }

    pub fn next(&mut self) -> Option<u16> {
        let unit = self.peek()?;
        self.at += 1;
        Some(unit)
    }

    pub fn peek(&self) -> Option<u16> {
        self.units.get(self.at).copied()
    }

    fn kind(&self) -> Kind {
        self.open.last().map_or(Kind::Root, |open| open.kind)
    }

    fn name(&self) -> &'static str {
        match self.kind() {
            Kind::Root => "root",
            Kind::Array => "Array",
            Kind::Object => "Object",
        }
    }

    fn start(&self) -> String {
        let (line, column) = self.open.last().map_or((1, 0), |open| (open.line, open.column));
        location(&self.units, line, column)
    }

    pub fn unexpected(&self, unit: u16, comment: &str) -> Found {
        self.error(format!("Unexpected character ({}): {comment}", describe(unit)))
    }

    pub fn early_end(&self, what: &str) -> Found {
        self.error(format!("Unexpected end-of-input{what}"))
    }

    /// An error at the place that has been read up to.
    pub fn error(&self, message: String) -> Found {
        self.error_at(self.at, message)
    }

    pub fn error_at(&self, at: usize, message: String) -> Found {
        let column = at - self.line_start + 1;
        Box::new(Error {
            message,
            location: location(&self.units, self.line, column),
            line: self.line,
            column,
        })
    }

    pub fn position(&self) -> usize {
        self.at
    }
}

/// The unit as a character where it is ASCII, else one that no rule names.
pub(super) fn ascii(unit: u16) -> char {
    u8::try_from(unit).ok().filter(u8::is_ascii).map_or(char::REPLACEMENT_CHARACTER, char::from)
}

/// How messages name a character.
pub(super) fn describe(unit: u16) -> String {
    let character = char::from_u32(u32::from(unit)).unwrap_or('?');
    match unit {
        _ if character.is_control() => format!("(CTRL-CHAR, code {unit})"),
        256.. => format!("'{character}' (code {unit} / 0x{unit:x})"),
        _ => format!("'{character}' (code {unit})"),
    }
}

fn is_word_start(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
}

fn is_word_part(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
}
