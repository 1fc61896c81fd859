//! Keeps task tokens off the pages: who has a token can answer for the person or service that was asked.
//!
//! A token is known by what it is, not by where it stands: handed to a service it comes back in results, causes and the
//! inputs of other executions. What looks like one is looked up, and hidden if it is one.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};
use shipway_control::app::Error;

use crate::app::App;

/// Characters of a token, all of them hexadecimal digits.
const TOKEN_CHARS: usize = 64;
/// Looks at the store for one page; what is beyond them is hidden unseen.
const LOOKS_MAX: usize = 5_000;
/// Digits in a row that are looked at; more of them are hidden unseen.
const RUN_CHARS_MAX: usize = 512;
/// What stands where a token was, or may have been.
const HIDDEN: &str = "(task token, not shown)";

/// Hides the tokens of one page.
pub struct Veil {
    app: Arc<dyn App>,
    known: HashMap<String, bool>,
}

impl Veil {
    /// A veil over what `app` knows.
    pub fn new(app: Arc<dyn App>) -> Self {
        Self { app, known: HashMap::new() }
    }

    /// Hides tokens in all texts of a document.
    pub async fn over(&mut self, value: &mut Value) -> Result<(), Error> {
        let mut found = Vec::new();
        candidates(value, &mut found);
        if self.look(found).await? {
            self.hide(value);
        }
        Ok(())
    }

    /// Hides tokens in the details of an event.
    pub async fn over_fields(&mut self, fields: &mut Map<String, Value>) -> Result<(), Error> {
        let mut value = Value::Object(std::mem::take(fields));
        self.over(&mut value).await?;
        if let Value::Object(seen) = value {
            *fields = seen;
        }
        Ok(())
    }

    /// Hides tokens in a text.
    pub async fn over_text(&mut self, text: &mut String) -> Result<(), Error> {
        let found = candidates_in(text);
        if self.look(found).await? {
            *text = self.hidden(text);
        }
        Ok(())
    }

    /// Whether any of them is a token.
    async fn look(&mut self, found: Vec<String>) -> Result<bool, Error> {
        let mut is_any = false;
        for text in found {
            let is_token = match self.known.get(&text) {
                Some(is_token) => *is_token,
                None if self.known.len() >= LOOKS_MAX || text.len() != TOKEN_CHARS => true,
                None => {
                    let is_token = self.app.is_task_token(&text).await?;
                    self.known.insert(text, is_token);
                    is_token
                }
            };
            is_any |= is_token;
        }
        Ok(is_any)
    }

    fn hide(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hidden(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::Object(fields) => {
                let seen = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                    self.hide(&mut value);
                    (self.hidden(&name), value)
                });
                *fields = seen.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn hidden(&self, text: &str) -> String {
        let is_shown = |candidate: &String| self.known.get(candidate).is_some_and(|is_token| !is_token);
        let tokens = candidates_in(text).into_iter().filter(|candidate| !is_shown(candidate));
        tokens.fold(text.to_owned(), |text, token| text.replace(&token, HIDDEN))
    }
}

fn candidates(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(candidates_in(text)),
        Value::Array(items) => items.iter().for_each(|item| candidates(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.extend(candidates_in(name));
                candidates(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every place where so many hexadecimal digits stand in a row; a very long row as a whole.
fn candidates_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for run in text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= TOKEN_CHARS) {
        let width = if run.len() > RUN_CHARS_MAX { run.len() } else { TOKEN_CHARS };
        let starts = 0..=run.len().saturating_sub(width);
        found.extend(
            starts.filter_map(|start| run.get(start..start.saturating_add(width))).map(str::to_owned),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token_is_found_wherever_it_stands() {
        let token = "0123456789abcdef".repeat(4);
        for text in [token.clone(), format!("https://x/?t={token}&a=b"), format!("{{\"t\":\"{token}\"}}")] {
            assert_eq!(candidates_in(&text), std::slice::from_ref(&token));
        }
        assert!(candidates_in(&format!("ab{token}")).contains(&token));
        assert!(candidates_in(&token[1..]).is_empty());
        assert_eq!(candidates_in(&token.repeat(9)), [token.repeat(9)]);
    }
}
