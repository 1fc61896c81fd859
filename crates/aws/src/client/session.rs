//! Clients for other accounts: each takes on a role there, is kept, and renews its credentials before they end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use serde_json::{Value, json};

use super::{
    Client,
    credentials::{NoCredentials, Provider},
};

/// Clients that are kept; beyond it the least recently made goes.
const CLIENTS_MAX: usize = 4096;

/// A role to take on, and what the account's own log shows of who took it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Such as `arn:aws:iam::123456789012:role/shipway`.
    pub arn: String,
    /// Names the deployment.
    pub session_name: String,
    /// The secret that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// Names the person, and cannot be changed by roles that are taken on from there.
    pub source_identity: Option<String>,
    /// Tags that policies can ask for.
    pub tags: Vec<(String, String)>,
    /// How long credentials hold: 900 to 43,200 s.
    pub duration_seconds: u32,
}

impl Role {
    /// A role with what it must have, for an hour.
    pub fn new(arn: &str, session_name: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            session_name: session_name.to_owned(),
            external_id: None,
            source_identity: None,
            tags: Vec::new(),
            duration_seconds: 3600,
        }
    }

    /// What AWS's token service is asked.
    fn input(&self) -> Value {
        let tags = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        json!({
            "RoleArn": self.arn,
            "RoleSessionName": session_name(&self.session_name),
            "DurationSeconds": self.duration_seconds,
            "ExternalId": self.external_id,
            "SourceIdentity": self.source_identity.as_deref().map(session_name),
            "Tags": if self.tags.is_empty() { Value::Null } else { tags.collect() },
        })
    }
}

/// A name as the token service takes it: at most 64 of letters, digits and `_=,.@-`.
fn session_name(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    name.chars().map(|c| if is_allowed(c) { c } else { '-' }).take(64).collect()
}

/// Clients by role and region.
pub struct Sessions {
    base: Client,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    made: u64,
    by_role: BTreeMap<(Vec<Role>, String), (u64, Client)>,
}

impl Sessions {
    /// Roles are taken on with the credentials of `base`.
    pub fn new(base: Client) -> Self {
        Self { base, clients: Mutex::default() }
    }

    /// The client that acts in a region as a role; asks for nothing until it is first used.
    pub fn assume(&self, role: &Role, region: &str) -> Client {
        self.assume_all(std::slice::from_ref(role), region)
    }

    /// The same for roles of which each is taken on with the credentials of the one before.
    pub fn assume_all(&self, roles: &[Role], region: &str) -> Client {
        let Some((role, before)) = roles.split_last() else { return self.base.in_region(region) };
        let base = self.assume_all(before, region);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (roles.to_vec(), region.to_owned());
        if let Some((_, client)) = clients.by_role.get(&key) {
            return client.clone();
        }
        if clients.by_role.len() >= CLIENTS_MAX {
            let oldest =
                clients.by_role.iter().min_by_key(|(_, (made, _))| *made).map(|(key, _)| key.clone());
            oldest.and_then(|key| clients.by_role.remove(&key));
        }
        let client = base.with_credentials(Box::new(Assumed { base: base.clone(), role: role.clone() }));
        clients.made += 1;
        let made = clients.made;
        clients.by_role.insert(key, (made, client.clone()));
        client
    }
}

struct Assumed {
    base: Client,
    role: Role,
}

#[async_trait]
impl Provider for Assumed {
    async fn fetch(&self) -> Result<Credentials, NoCredentials> {
        let failed =
            |reason: String| NoCredentials(format!("role `{}` cannot be taken on: {reason}", self.role.arn));
        let answer = self.base.call("sts", "AssumeRole", &self.role.input()).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        let part =
            |name: &str| answer.output.pointer(&format!("/Credentials/{name}")).and_then(Value::as_str);
        let (Some(id), Some(secret), Some(token), Some(end)) =
            (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken"), part("Expiration"))
        else {
            return Err(failed("the answer holds no credentials".to_owned()));
        };
        let end: jiff::Timestamp = end.parse().map_err(|_| failed(format!("`{end}` is no time")))?;
        Ok(Credentials::new(id, secret, Some(token.to_owned()), Some(end.into()), "shipway"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_asked() {
        let mut role = Role::new("arn:aws:iam::1:role/r", "deploy 7 of shop/web");
        assert_eq!(role.input()["RoleSessionName"], "deploy-7-of-shop-web");
        assert_eq!((&role.input()["Tags"], &role.input()["ExternalId"]), (&Value::Null, &Value::Null));
        role.tags.push(("release".to_owned(), "r".to_owned()));
        role.source_identity = Some("ana@example.com".to_owned());
        assert_eq!(role.input()["Tags"], json!([{"Key": "release", "Value": "r"}]));
        assert_eq!(role.input()["SourceIdentity"], "ana@example.com");
    }
}
