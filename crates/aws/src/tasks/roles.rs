//! Whom a Task acts as: the server's own credentials, the machine's role, or the role in the state's `Credentials`.

use shipway_engine::Task;

use crate::{
    client::{Client, Role, Sessions},
    task::Failure,
};

/// Clients by the roles that they act as.
pub(super) struct Roles {
    sessions: Sessions,
    region: String,
    /// Whether the machine's role is taken on, too.
    is_machines_assumed: bool,
}

impl Roles {
    pub(super) fn new(client: &Client, is_machines_assumed: bool) -> Self {
        Self {
            sessions: Sessions::new(client.clone()),
            region: client.region().to_owned(),
            is_machines_assumed,
        }
    }

    /// The client for a Task.
    pub(super) async fn client(&self, task: &Task) -> Result<Client, Failure> {
        let mut roles = Vec::new();
        // WHY: the account's own log shows which execution acted.
        let session = &session(&task.execution_arn);
        if self.is_machines_assumed && !task.role_arn.is_empty() {
            roles.push(Role::new(&task.role_arn, session));
        }
        if let Some(credentials) = &task.credentials {
            let arn =
                credentials.get("RoleArn").and_then(serde_json::Value::as_str).filter(|arn| is_role(arn));
            let arn =
                arn.ok_or_else(|| denied(format!("`Credentials.RoleArn` is no role: {credentials}")))?;
            roles.push(Role::new(arn, session));
        }
        let client = self.sessions.assume_all(&roles, &self.region);
        if !roles.is_empty() {
            client.check_credentials().await.map_err(|error| denied(error.to_string()))?;
        }
        Ok(client)
    }
}

/// An execution's name as a session's name, which has two characters at least.
fn session(execution: &str) -> String {
    format!("{:_<2}", execution.rsplit(':').next().unwrap_or_default())
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", _, _, name] if name.starts_with("role/"))
}

fn denied(cause: String) -> Failure {
    Failure { error: "States.Permissions".to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_named_after_executions() {
        assert_eq!(session("arn:aws:states:us-east-1:123456789012:execution:m:nightly"), "nightly");
        assert_eq!(session("arn:aws:states:us-east-1:123456789012:execution:m:e"), "e_");
    }

    #[test]
    fn roles_are_told_from_other_things() {
        assert!(is_role("arn:aws:iam::123456789012:role/path/name"));
        for arn in ["arn:aws:iam::123456789012:user/name", "role/name", ""] {
            assert!(!is_role(arn), "{arn}");
        }
    }
}
