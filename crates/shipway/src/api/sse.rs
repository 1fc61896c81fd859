//! Server-sent events: bytes in, messages out. Coming again after a break is the caller's part.

use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

/// A stream that is silent for longer is dead: the server speaks at least every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Bytes of one message at most.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `message` if the server gave none.
    pub event: String,
    /// Its text.
    pub data: String,
}

/// Messages of an answer.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    parser: Parser,
}

impl EventStream {
    pub(super) fn new(answer: Response<Incoming>) -> Self {
        Self { body: answer.into_body(), parser: Parser::default() }
    }

    /// The next message; none when the stream has ended or broken. May be cancelled without losing anything.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.parser.next() {
                return Some(message);
            }
            let frame = timeout(SILENCE_MAX, self.body.frame()).await.ok()??.ok()?;
            if let Ok(data) = frame.into_data()
                && !self.parser.feed(&data)
            {
                return None;
            }
        }
    }
}

/// Splits bytes into lines and lines into messages.
#[derive(Debug, Default)]
struct Parser {
    rest: Vec<u8>,
    /// Where in `rest` the next line is.
    at: usize,
    event: String,
    data: Vec<String>,
}

impl Parser {
    /// Takes bytes in; false if a message is too long.
    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.rest.drain(..self.at.min(self.rest.len()));
        self.at = 0;
        self.rest.extend_from_slice(bytes);
        let held: usize = self.data.iter().map(String::len).sum();
        held.saturating_add(self.rest.len()) <= MESSAGE_BYTES_MAX
    }

    /// The next whole message.
    fn next(&mut self) -> Option<Message> {
        // Each turn uses up a line.
        while let Some(line) = self.line() {
            if !line.is_empty() {
                self.field(&line);
            } else if !self.data.is_empty() {
                let event = std::mem::take(&mut self.event);
                let event = if event.is_empty() { "message".to_owned() } else { event };
                return Some(Message { event, data: std::mem::take(&mut self.data).join("\n") });
            } else {
                self.event.clear();
            }
        }
        None
    }

    fn line(&mut self) -> Option<String> {
        let rest = self.rest.get(self.at..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?;
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        self.at = self.at.saturating_add(end).saturating_add(1);
        Some(line)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => self.data.push(value.to_owned()),
            // An empty name is a comment; `id` is in our data; `retry` is ours to decide.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for piece in pieces {
            assert!(parser.feed(piece));
            found.extend(std::iter::from_fn(|| parser.next()).map(|message| (message.event, message.data)));
        }
        found
    }

    fn pair(event: &str, data: &str) -> (String, String) {
        (event.to_owned(), data.to_owned())
    }

    #[test]
    fn messages_come_out_of_pieces() {
        let text = ": hello\nretry: 1000\n\nid: 1\ndata: {\"id\":1}\n\nevent: end\r\ndata: 1\r\n\r\ndata: a\ndata: b\n\n";
        let expected = [pair("message", "{\"id\":1}"), pair("end", "1"), pair("message", "a\nb")];
        assert_eq!(messages(&[text.as_bytes()]), expected);
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(messages(&single), expected);
    }

    #[test]
    fn what_is_cut_short_is_no_message() {
        assert_eq!(messages(&[b"data: 1\n"]), []);
        assert_eq!(messages(&[b"event: end\n\ndata: 1\n\n"]), [pair("message", "1")]);
    }

    #[test]
    fn an_endless_message_is_refused() {
        let mut parser = Parser::default();
        assert!(!parser.feed(&vec![b'x'; MESSAGE_BYTES_MAX + 1]));
    }
}
