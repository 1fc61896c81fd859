//! Finds the place in a JSON text that a line and column stand for, as a path such as `release.services.web.port`.

/// Levels that are tracked; `serde_json` itself refuses deeper ones.
const DEPTH_MAX: usize = 128;

enum Level {
    Object { key: Option<String> },
    Array { index: usize },
}

/// The path of the innermost value around `line` and `column` (both from 1); empty for the whole document.
pub fn path_at(text: &str, line: usize, column: usize) -> String {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = start.saturating_add(column).min(text.len());
    let scanned = text.as_bytes().get(..end).unwrap_or_default();
    path_after(scanned)
}

fn path_after(scanned: &[u8]) -> String {
    let mut levels: Vec<Level> = Vec::new();
    let mut last_text = String::new();
    let mut bytes = scanned.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => last_text = text(&mut bytes),
            b'{' => levels.push(Level::Object { key: None }),
            b'[' => levels.push(Level::Array { index: 0 }),
            b'}' | b']' => drop(levels.pop()),
            b':' => {
                if let Some(Level::Object { key }) = levels.last_mut() {
                    *key = Some(std::mem::take(&mut last_text));
                }
            }
            b',' => match levels.last_mut() {
                Some(Level::Object { key }) => *key = None,
                Some(Level::Array { index }) => *index = index.saturating_add(1),
                None => {}
            },
            _ => {}
        }
        if levels.len() > DEPTH_MAX {
            break;
        }
    }
    show(&levels)
}

fn text(bytes: &mut impl Iterator<Item = u8>) -> String {
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => text.extend(bytes.next()),
            other => text.push(other),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn show(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object { key: Some(key) } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Level::Object { key: None } => {}
            Level::Array { index } => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Document {
        services: std::collections::BTreeMap<String, Service>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Service {
        port: u16,
        steps: Vec<u8>,
    }

    #[test]
    fn a_wrong_value_is_found() {
        let cases = [
            ("{\"services\": {\"web\": {\"port\": \"x\", \"steps\": []}}}", "services.web.port"),
            (
                "{\"services\":\n {\"w\\\"b\":\n {\"port\": 1, \"steps\": [1, 2, 300]}}}",
                "services.w\"b.steps[2]",
            ),
            ("{\"services\": {\"web\": {\"port\": 1}}}", "services.web"),
            ("{\"services\": []}", "services"),
            ("[]", ""),
        ];
        for (text, path) in cases {
            let error = serde_json::from_str::<Document>(text).unwrap_err();
            assert_eq!(path_at(text, error.line(), error.column()), path, "{text}: {error}");
        }
    }

    #[test]
    fn odd_places_do_no_harm() {
        for (line, column) in [(0, 0), (1, 0), (9, 9), (usize::MAX, usize::MAX)] {
            let _ = path_at("{\"a\": \"\\", line, column);
            let _ = path_at("", line, column);
        }
    }
}
