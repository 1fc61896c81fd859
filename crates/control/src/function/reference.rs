//! How callers name a function: by name, by part of its ARN or by all of it, each with a qualifier or without. Pure.

use super::{Refusal, check_name};

/// A function that a caller means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// A version or an alias.
    pub qualifier: Option<String>,
    /// Region and account, if they were told.
    region: Option<String>,
    account: Option<String>,
}

impl Reference {
    /// Reads `NAME`, `ACCOUNT:function:NAME`, `function:NAME` or an ARN, each with `:QUALIFIER` or without; none if it is
    /// none of them. Parts of another partition than `aws` are read as well.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (region, account, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..]
                if partition.starts_with("aws") =>
            {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..] if is_account(account) => (None, Some(*account), rest),
            ["function", rest @ ..] if !rest.is_empty() => (None, None, rest),
            rest => (None, None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] if is_qualifier(qualifier) => (*name, Some(*qualifier)),
            _ => return None,
        };
        check_name(name).ok()?;
        let owned = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
        Some(Self {
            name: name.to_owned(),
            qualifier: owned(qualifier),
            region: owned(region),
            account: owned(account),
        })
    }

    /// What a call names: a function, and a qualifier beside it or not.
    ///
    /// # Errors
    /// [`Refusal::Parameter`], in Lambda's words where they are known.
    pub fn of(function: &str, qualifier: Option<&str>) -> Result<Self, Refusal> {
        let named = Self::parse(function);
        let named =
            named.ok_or_else(|| Refusal::Parameter(format!("`{function}` is no function's name or ARN")))?;
        named.qualified(qualifier).ok_or_else(|| {
            let why = "The derived qualifier from the function name does not match the specified qualifier.";
            Refusal::Parameter(why.to_owned())
        })
    }

    /// The same with a qualifier that was told beside the name; none if the name has another one already.
    pub fn qualified(self, qualifier: Option<&str>) -> Option<Self> {
        match (qualifier.filter(|qualifier| !qualifier.is_empty()), &self.qualifier) {
            (None, _) => Some(self),
            (Some(told), Some(own)) => (told == own).then_some(self),
            (Some(told), None) => {
                is_qualifier(told).then(|| Self { qualifier: Some(told.to_owned()), ..self })
            }
        }
    }

    /// The ARN as the caller means it; what was not told is `region` and `account`.
    pub fn arn(&self, region: &str, account: &str) -> String {
        let region = self.region.as_deref().unwrap_or(region);
        let account = self.account.as_deref().unwrap_or(account);
        let qualifier = self.qualifier.as_ref().map(|text| format!(":{text}")).unwrap_or_default();
        format!("arn:aws:lambda:{region}:{account}:function:{}{qualifier}", self.name)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `$LATEST`, a version's number or an alias.
fn is_qualifier(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text == "$LATEST" || ((1..=128).contains(&text.len()) && text.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_function_is_read() {
        let arn = |text: &str| Reference::parse(text).map(|reference| reference.arn("here", "000000000000"));
        for (text, expected) in [
            ("f", "arn:aws:lambda:here:000000000000:function:f"),
            ("f:1", "arn:aws:lambda:here:000000000000:function:f:1"),
            ("f:$LATEST", "arn:aws:lambda:here:000000000000:function:f:$LATEST"),
            ("function:f:prod", "arn:aws:lambda:here:000000000000:function:f:prod"),
            ("123456789012:function:f", "arn:aws:lambda:here:123456789012:function:f"),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:f",
                "arn:aws:lambda:eu-west-1:123456789012:function:f",
            ),
            ("arn:aws:lambda:::function:f:a-b", "arn:aws:lambda:here:000000000000:function:f:a-b"),
        ] {
            assert_eq!(arn(text).as_deref(), Some(expected), "{text}");
        }
        for none in
            ["", ":", "f:", "f:a:b", "a/b", "arn:aws:sqs:::function:f", "arn:aws:lambda:::layer:f", "f:a b"]
        {
            assert_eq!(arn(none), None, "{none}");
        }
    }

    #[test]
    fn a_qualifier_is_told_once() {
        let with = |text: &str, told| Reference::parse(text).unwrap().qualified(told).map(|r| r.qualifier);
        assert_eq!(with("f", Some("1")), Some(Some("1".to_owned())));
        assert_eq!(with("f:1", Some("1")), Some(Some("1".to_owned())));
        assert_eq!(with("f:1", None), Some(Some("1".to_owned())));
        assert_eq!(with("f:1", Some("2")), None);
        assert_eq!(with("f", Some("a b")), None);
    }
}
