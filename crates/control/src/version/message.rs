//! Commit messages, read tolerantly: whatever a person wrote gives a `Message`. Does not judge; `lint` does.

/// The name of the footer that marks a breaking change.
const BREAKING: [&str; 2] = ["BREAKING CHANGE", "BREAKING-CHANGE"];

/// What a commit message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The type in lower case, such as `feat`; none if the first line is not `type(scope)!: description`.
    pub kind: Option<String>,
    /// The scope as written.
    pub scope: Option<String>,
    /// What was done: the first line without its head, or all of it.
    pub description: String,
    /// Whether anything in it, `!` or a `BREAKING CHANGE:` line, marks a breaking change.
    pub is_breaking: bool,
    /// The text between first line and footers.
    pub body: String,
    /// `token: value` lines at the end.
    pub footers: Vec<Footer>,
    /// Ids of commits that it says to revert.
    pub reverts: Vec<String>,
}

/// One `token: value` or `token #value` at the end of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The token as written.
    pub token: String,
    /// The value; may run over several lines.
    pub value: String,
}

impl Message {
    /// Reads a message as it stands.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let first = first.trim();
        let header = Header::parse(first);
        let is_breaking =
            header.as_ref().is_some_and(|h| h.is_breaking) || text.lines().any(is_breaking_line);
        let (body, footers) = split_footers(rest);
        let reverts = reverts(header.as_ref(), rest, &footers);
        let (kind, scope, description) = match header {
            Some(h) => (Some(h.kind), h.scope, h.description),
            None => (None, None, first.to_owned()),
        };
        Self { kind, scope, description, is_breaking, body, footers, reverts }
    }

    /// Reads a message; what a host wrote above the title when it merged a request is not counted.
    pub fn parse_merged(text: &str) -> Self {
        Self::parse(strip_merge_head(text))
    }

    /// Whether the first line has the form of a conventional commit.
    pub fn is_conventional(&self) -> bool {
        self.kind.is_some()
    }

    /// Whether it takes something back, by type or in git's own words.
    pub fn is_revert(&self) -> bool {
        self.kind.as_deref() == Some("revert") || self.description.starts_with("Revert \"")
    }
}

struct Header {
    kind: String,
    scope: Option<String>,
    is_breaking: bool,
    description: String,
}

impl Header {
    /// `type(scope)!: description`; the blank after the colon may be missing.
    fn parse(line: &str) -> Option<Self> {
        let end = line.find(|c: char| c.is_whitespace() || "():!".contains(c))?;
        let (kind, rest) = line.split_at(end);
        let (scope, rest) = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')')?,
            None => ("", rest),
        };
        let (is_breaking, rest) = rest.strip_prefix('!').map_or((false, rest), |rest| (true, rest));
        let description = rest.strip_prefix(':')?.trim();
        if kind.is_empty() || description.is_empty() {
            return None;
        }
        Some(Self {
            kind: kind.to_lowercase(),
            scope: (!scope.trim().is_empty()).then(|| scope.to_owned()),
            is_breaking,
            description: description.to_owned(),
        })
    }
}

/// WHY: any line, not only footers: squash merges glue messages together, and a lost breaking change is the worst
/// mistake that a version can make.
fn is_breaking_line(line: &str) -> bool {
    BREAKING.iter().any(|token| {
        line.strip_prefix(token).is_some_and(|rest| rest.starts_with(':') || rest.starts_with(" #"))
    })
}

/// The token and value of a footer's first line.
fn footer(line: &str) -> Option<(&str, &str)> {
    let token_end = BREAKING.iter().find(|token| line.starts_with(**token)).map_or_else(
        || line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(line.len()),
        |token| token.len(),
    );
    let (token, rest) = line.split_at(token_end);
    let value = match rest.strip_prefix(':') {
        Some(value) if value.starts_with(' ') || (value.is_empty() && BREAKING.contains(&token)) => value,
        Some(_) => return None,
        None => rest.strip_prefix(' ').filter(|value| value.starts_with('#'))?,
    };
    (!token.is_empty()).then(|| (token, value.trim()))
}

/// The footers are the last paragraphs that each begin with one.
fn split_footers(rest: &str) -> (String, Vec<Footer>) {
    let lines: Vec<&str> = rest.lines().map(str::trim_end).collect();
    let start = footers_start(&lines);
    let (body, block) = lines.split_at(start);
    let mut footers: Vec<Footer> = Vec::new();
    for line in block {
        match (footer(line), footers.last_mut()) {
            (Some((token, value)), _) => {
                footers.push(Footer { token: token.to_owned(), value: value.to_owned() });
            }
            (None, Some(last)) => {
                last.value.push('\n');
                last.value.push_str(line);
            }
            (None, None) => {}
        }
    }
    for footer in &mut footers {
        footer.value = footer.value.trim().to_owned();
    }
    let is_blank = |line: &&&str| line.is_empty();
    let skipped = body.iter().take_while(is_blank).count();
    (body.get(skipped..).unwrap_or_default().join("\n").trim_end().to_owned(), footers)
}

fn footers_start(lines: &[&str]) -> usize {
    let mut start = lines.len();
    let mut follows_blank = Vec::new();
    let mut is_after_blank = true;
    for (at, line) in lines.iter().enumerate() {
        if is_after_blank && !line.is_empty() {
            follows_blank.push((at, footer(line).is_some()));
        }
        is_after_blank = line.is_empty();
    }
    for (at, is_footer) in follows_blank.into_iter().rev() {
        if !is_footer {
            break;
        }
        start = at;
    }
    start
}

fn reverts(header: Option<&Header>, rest: &str, footers: &[Footer]) -> Vec<String> {
    let mut ids: Vec<String> = rest
        .match_indices("This reverts commit")
        .filter_map(|(at, head)| {
            rest.get(at + head.len()..).and_then(|rest| commit_ids(rest.trim_start()).into_iter().next())
        })
        .collect();
    if header.is_some_and(|header| header.kind == "revert") {
        let refs = footers.iter().filter(|footer| footer.token.eq_ignore_ascii_case("refs"));
        ids.extend(refs.flat_map(|footer| commit_ids(&footer.value)));
    }
    ids
}

/// The commit ids at the beginning of a text, separated by commas and blanks.
fn commit_ids(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_end_matches('.'))
        .take_while(|word| (7..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(str::to_lowercase)
        .collect()
}

/// The message below the head that GitHub, GitLab or Bitbucket put there; the whole text if there is none.
pub fn strip_merge_head(text: &str) -> &str {
    let text = text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let rest = rest.trim_start();
    if !is_merge_head(first.trim()) || rest.is_empty() || is_merge_trailer(rest) { text } else { rest }
}

fn is_merge_head(line: &str) -> bool {
    let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    line.strip_prefix("Merge pull request #").is_some_and(numbered)
        || line.starts_with("Merge branch '")
        || line.starts_with("Merge remote-tracking branch '")
        || (line.starts_with("Merged in ") && line.contains("(pull request #"))
}

/// GitLab ends its messages with this line; below a head without a title it is not the title.
fn is_merge_trailer(text: &str) -> bool {
    text.starts_with("See merge request ")
        || text.starts_with("# Conflicts:")
        || text.starts_with("Conflicts:")
}

#[cfg(test)]
mod tests;
