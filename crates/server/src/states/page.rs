//! Pages of lists: how many, from where, and a token that is good only for the call that it was given to.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use shipway_asl::Timestamp;

use super::{fault::Fault, validate::Request};

/// Members of one page if nobody says how many, and at most.
const PAGE: (usize, usize) = (100, 1_000);
/// Bytes of the hash that binds a token to its call.
const SEAL_BYTES: usize = 8;
/// How long a token is good, as AWS has it.
const TOKEN_MILLIS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// A page that was asked for.
pub struct Page {
    /// At most so many.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<String>,
    now: Timestamp,
    seal: [u8; SEAL_BYTES],
}

impl Page {
    /// Reads `maxResults` and `nextToken`.
    pub fn of(action: &str, request: &Request) -> Result<Self, Fault> {
        let limit = request.number("maxResults").and_then(|most| usize::try_from(most).ok());
        let limit = limit.filter(|most| *most > 0).map_or(PAGE.0, |most| most.min(PAGE.1));
        let seal = seal(action, &request.without(&["nextToken", "maxResults"]));
        let now = request.now();
        let after = request.text("nextToken").map(|token| open(token, &seal, now).ok_or_else(Fault::page));
        Ok(Self { limit, after: after.transpose()?, now, seal })
    }

    /// The answer's list, and the token of the next page if there is one.
    pub fn answer(&self, name: &str, items: impl Iterator<Item = Value>, next: Option<String>) -> Value {
        let mut answer = Map::new();
        answer.insert(name.to_owned(), items.collect());
        if let Some(cursor) = next {
            let mut token = self.seal.to_vec();
            token.extend(self.now.0.to_be_bytes());
            token.extend(cursor.into_bytes());
            answer.insert("nextToken".to_owned(), hex::encode(token).into());
        }
        answer.into()
    }
}

fn seal(action: &str, call: &str) -> [u8; SEAL_BYTES] {
    let digest: [u8; 32] = Sha256::digest(format!("{action}\n{call}")).into();
    let mut seal = [0; SEAL_BYTES];
    seal.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    seal
}

fn open(token: &str, seal: &[u8], now: Timestamp) -> Option<String> {
    let bytes = hex::decode(token).ok()?;
    let (given, cursor) = bytes.strip_prefix(seal)?.split_first_chunk()?;
    let is_old = now.millis_since(Timestamp(i64::from_be_bytes(*given))) > TOKEN_MILLIS_MAX;
    String::from_utf8(cursor.to_vec()).ok().filter(|_| !is_old)
}

/// What is on the page, and the cursor of its last if anything follows.
pub async fn read<T, F: Future<Output = Result<Vec<T>, Fault>>>(
    page: &Page,
    fetch: impl Fn(Option<String>, usize) -> F,
    cursor: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let items = fetch(page.after.clone(), page.limit).await?;
    let Some(last) = items.last().filter(|_| items.len() >= page.limit) else { return Ok((items, None)) };
    let cursor = cursor(last);
    // WHY: a last page that is exactly full has no next one; only another look tells.
    let is_last = fetch(Some(cursor.clone()), 1).await?.is_empty();
    Ok((items, (!is_last).then_some(cursor)))
}

/// As [`read`], of a list that is in memory.
pub fn slice<T>(
    page: &Page,
    items: impl Iterator<Item = T>,
    cursor: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let mut items = items.peekable();
    if let Some(after) = &page.after {
        while items.next_if(|item| cursor(item) != *after).is_some() {}
        items.next();
    }
    let taken: Vec<T> = items.by_ref().take(page.limit).collect();
    let next = items.peek().and_then(|_| taken.last().map(cursor));
    (taken, next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::states::shapes;

    fn page(machine: &str, token: Option<&str>) -> Result<Page, Fault> {
        let body = json!({"stateMachineArn": machine, "nextToken": token});
        Page::of("ListExecutions", &Request::new(body, &shapes::LIST_EXECUTIONS)?)
    }

    #[test]
    fn a_token_is_good_for_its_own_call_only() {
        let answer =
            page("a", None).ok().unwrap().answer("executions", std::iter::empty(), Some("7:b".into()));
        let token = answer["nextToken"].as_str().unwrap();
        assert_eq!(page("a", Some(token)).ok().unwrap().after.as_deref(), Some("7:b"));
        for (machine, token) in [("b", token), ("a", "00"), ("a", "x"), ("a", &token[2..])] {
            assert_eq!(page(machine, Some(token)).err(), Some(Fault::page()));
        }
    }

    #[test]
    fn a_page_that_holds_all_has_no_next() {
        let mut page = page("a", None).ok().unwrap();
        page.limit = 2;
        assert_eq!(slice(&page, 1..3, ToString::to_string), (vec![1, 2], None));
        assert_eq!(slice(&page, 1..4, ToString::to_string), (vec![1, 2], Some("2".to_owned())));
        page.after = Some("2".to_owned());
        assert_eq!(slice(&page, 1..4, ToString::to_string), (vec![3], None));
    }
}
