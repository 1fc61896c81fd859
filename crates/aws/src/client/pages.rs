//! Answers that come in pages, by what the models say of their tokens. A token that comes back unchanged ends in an
//! error instead of a loop.

use serde_json::{Map, Value};

use super::{CallError, Class, Client};
use crate::models::{Operation, Service};

/// Most pages of one listing.
const PAGES_MAX: u32 = 10_000;

/// The pages of a listing, one call each.
pub struct Pages<'a> {
    client: &'a Client,
    operation: Operation<'static>,
    input: Map<String, Value>,
    pages: u32,
    is_done: bool,
}

impl Client {
    /// The pages of a listing. An action that does not answer in pages has one.
    ///
    /// # Errors
    /// There is no such action, or the input is no object.
    pub fn pages(&self, service: &str, action: &str, input: &Value) -> Result<Pages<'_>, CallError> {
        let failed = |message: String| CallError::new(service, action, Class::Input, message);
        let operation = Service::load(service).and_then(|service| service.operation(action));
        let operation = operation.map_err(|error| failed(error.to_string()))?;
        let input = match input {
            Value::Object(members) => members.clone(),
            Value::Null => Map::new(),
            _ => return Err(failed("the input is no object".to_owned())),
        };
        Ok(Pages { client: self, operation, input, pages: 0, is_done: false })
    }

    /// All that a listing holds, up to `items_max`; what is beyond is an error, so that nobody takes a part for all.
    ///
    /// # Errors
    /// A call failed, the action does not answer in pages, or there is more.
    pub async fn all(
        &self,
        service: &str,
        action: &str,
        input: &Value,
        items_max: usize,
    ) -> Result<Vec<Value>, CallError> {
        let mut pages = self.pages(service, action, input)?;
        let results = pages.operation.paginator().and_then(|paginator| paginator.results.first());
        let failed = |message: String| CallError::new(service, action, Class::Input, message);
        let results = results.ok_or_else(|| failed("the action does not answer in pages".to_owned()))?;
        let mut items = Vec::new();
        while let Some(page) = pages.next().await? {
            if let Some(Value::Array(page)) = find(&page, results) {
                items.extend(page);
            }
            if items.len() > items_max {
                return Err(failed(format!("there are more than {items_max}")));
            }
        }
        Ok(items)
    }
}

impl Pages<'_> {
    /// The next page, or `None` after the last.
    ///
    /// # Errors
    /// The call failed, or the service leads in a circle.
    pub async fn next(&mut self) -> Result<Option<Value>, CallError> {
        if self.is_done {
            return Ok(None);
        }
        let input = Value::Object(self.input.clone());
        let page = self.client.call_operation(self.operation, &input).await?.output;
        self.pages += 1;
        self.is_done = !self.turn(&page)?;
        Ok(Some(page))
    }

    /// Takes the tokens of a page; whether there is another.
    fn turn(&mut self, page: &Value) -> Result<bool, CallError> {
        let Some(paginator) = self.operation.paginator() else { return Ok(false) };
        let has_more = paginator.more.as_deref().map(|more| find(page, more) == Some(Value::Bool(true)));
        if has_more == Some(false) {
            return Ok(false);
        }
        let tokens = paginator.tokens_in.iter().zip(&paginator.tokens_out);
        let tokens: Vec<(&String, Value)> =
            tokens.filter_map(|(name, path)| Some((name, find(page, path)?))).collect();
        let is_end = |token: &Value| token.as_str().is_some_and(str::is_empty) || token.is_null();
        if tokens.iter().all(|(_, token)| is_end(token)) {
            return Ok(false);
        }
        if tokens.iter().all(|(name, token)| self.input.get(*name) == Some(token)) || self.pages >= PAGES_MAX
        {
            let (service, action) = (self.operation.service().name(), self.operation.name());
            let message = format!("page {} leads to no other", self.pages);
            return Err(CallError::new(service, action, Class::Unreadable, message));
        }
        for name in &paginator.tokens_in {
            self.input.remove(name);
        }
        self.input.extend(tokens.into_iter().map(|(name, token)| (name.clone(), token)));
        Ok(true)
    }
}

/// What a path of the models leads to: names with dots, `[-1]` for the last item, `||` for the first that is there.
fn find(page: &Value, path: &str) -> Option<Value> {
    path.split("||").find_map(|path| {
        let mut found = page;
        for step in path.trim().split('.') {
            let (name, is_last) = step.strip_suffix("[-1]").map_or((step, false), |name| (name, true));
            found = found.get(name)?;
            found = if is_last { found.as_array()?.last()? } else { found };
        }
        (!found.is_null()).then(|| found.clone())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_the_models_are_followed() {
        let page = json!({"List": {"Next": "n"}, "Contents": [{"Key": "a"}, {"Key": "b"}], "None": null});
        for (path, expected) in [
            ("List.Next", json!("n")),
            ("NextMarker || Contents[-1].Key", json!("b")),
            ("None || List.Next", json!("n")),
        ] {
            assert_eq!(find(&page, path), Some(expected), "{path}");
        }
        assert_eq!(find(&page, "Jobs[-1].JobId"), None);
    }

    #[test]
    fn every_paginator_names_members_that_are_there() {
        let mut known = 0;
        for operation in Service::names().flat_map(|name| Service::load(name).unwrap().operations()) {
            let Some(paginator) = operation.paginator() else { continue };
            assert_eq!(paginator.tokens_in.len(), paginator.tokens_out.len(), "{}", operation.name());
            known += 1;
        }
        assert!(known > 3_000, "{known}");
    }
}
