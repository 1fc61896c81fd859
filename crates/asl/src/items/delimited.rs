//! Delimited text by the rules that AWS documents: quotes keep delimiters and newlines, a backslash keeps a quote,
//! a backslash or the delimiter. Fields are texts.

use serde_json::{Map, Value};

/// The items of a text: one a record, its fields named by the headers.
pub(super) fn read(text: &str, headers: Option<&[String]>, delimiter: char, most: usize) -> Vec<Value> {
    let mut records = Records { rest: text.chars(), delimiter, put_back: None };
    let headers = match headers {
        Some(headers) => headers.to_vec(),
        None => records.next().unwrap_or_default(),
    };
    let item = |record: Vec<String>| {
        // WHY: missing fields are empty, further ones are left out.
        let values = record.into_iter().chain(std::iter::repeat(String::new()));
        let fields: Map<String, Value> = headers.iter().cloned().zip(values.map(Value::from)).collect();
        Value::Object(fields)
    };
    records.take(most).map(item).collect()
}

/// The first field of each record.
pub(super) fn first_fields(text: &str) -> Vec<String> {
    let records = Records { rest: text.chars(), delimiter: ',', put_back: None };
    records.filter_map(|record| record.into_iter().next()).collect()
}

/// Records of a text, in order; empty lines are none.
struct Records<'t> {
    rest: std::str::Chars<'t>,
    delimiter: char,
    put_back: Option<char>,
}

/// What ended a field.
enum Stop {
    Delimiter,
    Line,
    Text,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        loop {
            let mut record = Vec::new();
            loop {
                let (field, was_quoted, stop) = self.field();
                let is_empty_line = record.is_empty() && field.is_empty() && !was_quoted;
                match stop {
                    Stop::Text if is_empty_line => return None,
                    Stop::Line if is_empty_line => break,
                    Stop::Delimiter => record.push(field),
                    Stop::Line | Stop::Text => {
                        record.push(field);
                        return Some(record);
                    }
                }
            }
        }
    }
}

impl Records<'_> {
    fn char(&mut self) -> Option<char> {
        self.put_back.take().or_else(|| self.rest.next())
    }

    /// The next field, whether it had quotes, and what ended it.
    fn field(&mut self) -> (String, bool, Stop) {
        let (mut field, mut is_quoted, mut was_quoted) = (String::new(), false, false);
        loop {
            match self.char() {
                None => return (field, was_quoted, Stop::Text),
                Some('"') if is_quoted => match self.char() {
                    Some('"') => field.push('"'),
                    other => {
                        self.put_back = other;
                        is_quoted = false;
                    }
                },
                Some('"') if field.is_empty() && !was_quoted => (is_quoted, was_quoted) = (true, true),
                Some('\\') => field.extend(self.escaped()),
                Some(next) if is_quoted => field.push(next),
                Some(next) if next == self.delimiter => return (field, was_quoted, Stop::Delimiter),
                Some('\n') => return (field, was_quoted, Stop::Line),
                Some('\r') => match self.char() {
                    Some('\n') => return (field, was_quoted, Stop::Line),
                    other => {
                        self.put_back = other;
                        return (field, was_quoted, Stop::Line);
                    }
                },
                Some(next) => field.push(next),
            }
        }
    }

    /// What a backslash and the character after it stand for.
    fn escaped(&mut self) -> Option<char> {
        match self.char() {
            Some(next) if next == '\\' || next == '"' || next == self.delimiter => Some(next),
            other => {
                self.put_back = other;
                None
            }
        }
    }
}
