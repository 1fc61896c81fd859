//! `shipway key`: access keys, with which AWS's SDKs sign calls of the Step Functions API.

use clap::{Parser, Subcommand};
use shipway_asl::Timestamp;
use shipway_control::access::AccessKey;
use shipway_server::wire::{KeyRequest, NewAccessKey};

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, local, words::ago};

/// Make access keys for the Step Functions API, look at them, end them
///
/// AWS's SDKs and CLI sign each call with such a key when they are pointed at the server.
///
///     $ shipway key create
#[derive(Debug, Parser)]
#[command(name = "key", verbatim_doc_comment)]
pub struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key, and show its secret this once
    ///
    /// It prints what AWS's SDKs and CLI read from the environment. Keep the secret: it is shown once.
    ///
    ///     $ eval "$(shipway key create)"
    ///     $ aws stepfunctions list-state-machines
    #[command(verbatim_doc_comment)]
    Create,
    /// Show the keys: who made them, when they were used last
    ///
    ///     $ shipway key list
    #[command(verbatim_doc_comment)]
    List,
    /// Refuse what a key signs from now on, and keep it in the list
    ///
    ///     $ shipway key disable SWAKQ5ZK3C7RVW2MTBXN
    #[command(verbatim_doc_comment)]
    Disable {
        /// The key's id
        id: String,
    },
    /// Forget a key, and refuse what it signs from now on
    ///
    ///     $ shipway key delete SWAKQ5ZK3C7RVW2MTBXN
    #[command(verbatim_doc_comment)]
    Delete {
        /// The key's id
        id: String,
    },
}

impl Command for Key {
    const GROUP: Option<Group> = Some(Group::Serve);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::expect(cx).await?;
        let request = KeyRequest { actor: cx.actor() };
        match self.verb {
            Verb::Create => {
                let new = api.create_key(&request).await?;
                show(cx, &new, || created(&new, api.url()))?;
            }
            Verb::List => {
                let keys = api.keys().await?;
                show(cx, &keys, || table(&keys.keys, cx.now()))?;
            }
            Verb::Disable { id } => {
                let key = api.disable_key(&id, &request).await?;
                show(cx, &key, || format!("{} is disabled\n", key.id))?;
            }
            Verb::Delete { id } => {
                let key = api.delete_key(&id, &request).await?;
                show(cx, &key, || format!("{} is deleted\n", key.id))?;
            }
        }
        Ok(Code::Ok)
    }
}

fn show(
    cx: &Context,
    document: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if cx.out.is_json() { cx.out.json(document) } else { cx.out.text(&text()) }
}

/// Lines for a shell.
fn created(new: &NewAccessKey, url: &str) -> String {
    format!(
        "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_REGION={region}\n\
         export AWS_DEFAULT_REGION={region}\nexport AWS_ENDPOINT_URL_SFN={url}\nunset AWS_SESSION_TOKEN\n",
        new.key.id,
        new.secret,
        region = new.region,
    )
}

fn table(keys: &[AccessKey], now: Timestamp) -> String {
    if keys.is_empty() {
        return "there are no access keys; `shipway key create` makes one\n".to_owned();
    }
    let mut text = String::new();
    for key in keys {
        let used = key.last_used_at.map_or("never used".to_owned(), |at| format!("used {}", ago(at, now)));
        let end = match (&key.disabled_by, key.disabled_at) {
            (Some(by), Some(at)) => format!(", disabled {} by {by}", ago(at, now)),
            _ => String::new(),
        };
        let (id, actor, made) = (&key.id, &key.actor, ago(key.created_at, now));
        text.push_str(&format!("{id}  made {made} by {actor}, {used}{end}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_with_their_ends() {
        let key = AccessKey {
            id: "SWAKA".to_owned(),
            actor: "pat".to_owned(),
            created_at: Timestamp(0),
            last_used_at: None,
            disabled_by: Some("kim".to_owned()),
            disabled_at: Some(Timestamp(60_000)),
        };
        let text = table(&[key], Timestamp(120_000));
        assert!(text.starts_with("SWAKA  made ") && text.contains("by pat, never used, disabled "), "{text}");
        assert!(table(&[], Timestamp(0)).contains("shipway key create"));
    }
}
