//! Cuts a stream of bytes into lines. Pure.

use super::LINE_BYTES_MAX;

/// Bytes that have not become a line yet; never more than one line's limit.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that these bytes complete. A line longer than the limit comes in several pieces.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.append(line, &mut lines);
            lines.push(self.take());
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.append(bytes, &mut lines);
        lines
    }

    /// What is left when the stream has ended.
    pub(crate) fn end(&mut self) -> Option<String> {
        (!self.rest.is_empty()).then(|| self.take())
    }

    fn append(&mut self, mut bytes: &[u8], lines: &mut Vec<String>) {
        while self.rest.len() + bytes.len() > LINE_BYTES_MAX {
            let (now, later) =
                bytes.split_at(LINE_BYTES_MAX.saturating_sub(self.rest.len()).min(bytes.len()));
            self.rest.extend_from_slice(now);
            let tail = self.rest.split_off(cut(&self.rest));
            lines.push(self.take());
            self.rest = tail;
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
    }

    fn take(&mut self) -> String {
        let line = self.rest.strip_suffix(b"\r").unwrap_or(&self.rest);
        let line = String::from_utf8_lossy(line).into_owned();
        self.rest.clear();
        line
    }
}

/// Where to cut so that no character is torn: before the last one if it may go on.
fn cut(bytes: &[u8]) -> usize {
    let continued = bytes.iter().rev().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    let first = bytes.len().saturating_sub(continued + 1);
    match bytes.get(first) {
        Some(&byte) if byte >= 0xC0 && first > 0 => first,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out: Vec<String> = chunks.iter().flat_map(|chunk| lines.feed(chunk)).collect();
        out.extend(lines.end());
        out
    }

    #[test]
    fn lines_are_found_wherever_chunks_end() {
        assert_eq!(all(&[b"a\nb", b"c\r\n\n", b"d"]), ["a", "bc", "", "d"]);
        assert_eq!(all(&[b"\xff\n"]), ["\u{fffd}"]);
        assert!(all(&[b""]).is_empty());
    }

    #[test]
    fn long_lines_come_in_pieces_without_a_torn_character() {
        let long = "ä".repeat(LINE_BYTES_MAX) + "\nend\n";
        let lines = all(&[b"x", long.as_bytes()]);
        assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX && !line.contains('\u{fffd}')));
        assert_eq!(lines.concat(), format!("x{}end", "ä".repeat(LINE_BYTES_MAX)));
        assert_eq!(all(&[&vec![0x80; LINE_BYTES_MAX * 3]]).len(), 3, "what is no text ends too");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-zä\n]{0,200}", at in 0usize..200) {
            let (first, second) = text.as_bytes().split_at(at.min(text.len()));
            let got = all(&[first, second]).join("\n");
            prop_assert_eq!(got, text.strip_suffix('\n').unwrap_or(&text));
        }
    }
}
