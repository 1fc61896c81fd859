//! Reads a Procfile: `name: command` lines.

/// The lines of a Procfile in their order: names and commands.
pub fn procfile(text: &str) -> Vec<(String, String)> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, command) = line.split_once(':')?;
    let (name, command) = (name.trim(), command.trim());
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    (is_name && !command.is_empty()).then(|| (name.to_owned(), command.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_are_passed_over() {
        let text = "# comment: x\nweb: bin/web -p $PORT\r\n\n  worker : a:b\nno colon\nempty:\nb@d: x\n";
        let pairs: Vec<_> = procfile(text);
        let pairs: Vec<_> = pairs.iter().map(|(name, command)| (name.as_str(), command.as_str())).collect();
        assert_eq!(pairs, [("web", "bin/web -p $PORT"), ("worker", "a:b")]);
    }
}
