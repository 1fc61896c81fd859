//! The server's REST API as functions. Speaks plain HTTP/1.1; finding the server is somebody else's part.

mod functions;
mod http;
mod sse;

use std::path::Path;

use ::http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use shipway_control::{
    access::AccessKey,
    app::{Deployment, Lock, ReleaseStatus, ServiceStatus, Step},
    host::LogPage,
};
use shipway_server::wire::{
    AccessKeys, BreakRequest, DeployRequest, Deployments, ExecutionLog, HaltRequest, Health, KeyRequest,
    NewAccessKey, Problem, Releases, RollbackRequest, Services, Steps,
};

use self::http::{Content, json};
pub use self::{
    http::{Api, Error},
    sse::{EventStream, Message},
};

/// Deployments of one listing at most.
pub const PAGE_MAX: usize = 500;

impl Api {
    /// How the server is, well or not.
    pub async fn health(&self) -> Result<Health, Error> {
        let answer = self.call(Method::GET, "/v1/health", Content::None, &[]).await?;
        match answer.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                let body = self.body(answer).await?;
                read(&body).map_err(|_| Error::Problem(Box::new(Problem::parse(503, &body))))
            }
            _ => read(&self.body(http::good(answer).await?).await?),
        }
    }

    /// Why the server's store cannot be written; none also if the server does not say.
    pub async fn store_trouble(&self) -> Option<String> {
        let health = self.health().await.ok()?;
        let reason = health.store_error.unwrap_or_else(|| "the store does not answer".to_owned());
        (!health.is_store_ok).then_some(reason)
    }

    /// Whether an artifact is kept.
    pub async fn has_artifact(&self, sha256: &str) -> Result<bool, Error> {
        let answer = self.call(Method::HEAD, &format!("/v1/artifacts/{sha256}"), Content::None, &[]).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(Error::Problem(Box::new(Problem::parse(status.as_u16(), b"")))),
        }
    }

    /// Uploads an artifact.
    pub async fn put_artifact(&self, sha256: &str, file: &Path) -> Result<(), Error> {
        let content = Content::file(file).await?;
        self.send(Method::PUT, &format!("/v1/artifacts/{sha256}"), content, &[]).await.map(|_| ())
    }

    /// Asks for a deployment; the same key is the same deployment.
    pub async fn deploy(&self, request: &DeployRequest, key: &str) -> Result<Deployment, Error> {
        let content = json(request)?;
        let answer = self.send(Method::POST, "/v1/deployments", content, &[("idempotency-key", key)]).await?;
        read(&answer)
    }

    /// A deployment.
    pub async fn deployment(&self, id: &str) -> Result<Deployment, Error> {
        self.get(&format!("/v1/deployments/{}", encode(id))).await
    }

    /// Deployments, newest first.
    pub async fn deployments(
        &self,
        scope: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Deployment>, Error> {
        let mut path = format!("/v1/deployments?limit={}", limit.clamp(1, PAGE_MAX));
        if let Some((project, environment)) = scope {
            path.push_str(&format!("&project={}&environment={}", encode(project), encode(environment)));
        }
        self.get::<Deployments>(&path).await.map(|page| page.deployments)
    }

    /// The way of a deployment.
    pub async fn steps(&self, id: &str) -> Result<Vec<Step>, Error> {
        self.get::<Steps>(&format!("/v1/deployments/{}/steps", encode(id))).await.map(|steps| steps.steps)
    }

    /// Events with a higher id than `after`, as they happen.
    pub async fn events(&self, id: &str, after: u64) -> Result<EventStream, Error> {
        let path = format!("/v1/deployments/{}/events?after={after}", encode(id));
        let headers = [("accept", "text/event-stream")];
        let answer = self.call(Method::GET, &path, Content::None, &headers).await?;
        http::good(answer).await.map(EventStream::new)
    }

    /// Asks a deployment to stop and clean up.
    pub async fn halt(&self, id: &str, request: &HaltRequest) -> Result<Deployment, Error> {
        self.post(&format!("/v1/deployments/{}/halt", encode(id)), request).await
    }

    /// Frees the lock of a deployment that has ended.
    pub async fn break_lock(
        &self,
        project: &str,
        environment: &str,
        request: &BreakRequest,
    ) -> Result<Lock, Error> {
        let project = project.replace('/', "~");
        let path = format!("/v1/locks/{}/{}/break", encode(&project), encode(environment));
        self.post(&path, request).await
    }

    /// Deploys a kept release again.
    pub async fn rollback(&self, request: &RollbackRequest) -> Result<Deployment, Error> {
        self.post("/v1/rollbacks", request).await
    }

    /// What runs where.
    pub async fn services(&self) -> Result<Vec<ServiceStatus>, Error> {
        self.get::<Services>("/v1/services").await.map(|services| services.services)
    }

    /// Lines that a service's processes wrote; `query` is the query string.
    pub async fn logs(
        &self,
        (project, environment, service): (&str, &str, &str),
        query: &[(&str, String)],
    ) -> Result<LogPage, Error> {
        let project = project.replace('/', "~");
        let place = [project.as_str(), environment, service].map(encode).join("/");
        self.get(&format!("/v1/services/{place}/logs?{}", written(query))).await
    }

    /// Lines that are logged of a machine's executions; `query` is the query string.
    pub async fn execution_logs(
        &self,
        machine: &str,
        query: &[(&str, String)],
    ) -> Result<ExecutionLog, Error> {
        self.get(&format!("/v1/machines/{}/logs?{}", encode(machine), written(query))).await
    }

    /// Releases of an environment.
    pub async fn releases(&self, project: &str, environment: &str) -> Result<Vec<ReleaseStatus>, Error> {
        let path = format!("/v1/releases?project={}&environment={}", encode(project), encode(environment));
        self.get::<Releases>(&path).await.map(|releases| releases.releases)
    }

    /// The lock of an environment.
    pub async fn lock(&self, project: &str, environment: &str) -> Result<Lock, Error> {
        let project = project.replace('/', "~");
        self.get(&format!("/v1/locks/{}/{}", encode(&project), encode(environment))).await
    }

    /// Makes an access key.
    pub async fn create_key(&self, request: &KeyRequest) -> Result<NewAccessKey, Error> {
        self.post("/v1/keys", request).await
    }

    /// Access keys.
    pub async fn keys(&self) -> Result<AccessKeys, Error> {
        self.get("/v1/keys").await
    }

    /// Makes an access key good for nothing.
    pub async fn disable_key(&self, id: &str, request: &KeyRequest) -> Result<AccessKey, Error> {
        self.post(&format!("/v1/keys/{}/disable", encode(id)), request).await
    }

    /// Forgets an access key.
    pub async fn delete_key(&self, id: &str, request: &KeyRequest) -> Result<AccessKey, Error> {
        self.post(&format!("/v1/keys/{}/delete", encode(id)), request).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        read(&self.send(Method::GET, path, Content::None, &[]).await?)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Result<T, Error> {
        read(&self.send(Method::POST, path, json(body)?, &[]).await?)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Garbled(error.to_string()))
}

fn written(query: &[(&str, String)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

/// Percent-encodes what has a meaning in a path or a query.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_encoded() {
        assert_eq!(encode("acme/shop 1.0+2?ä~"), "acme%2Fshop%201.0%2B2%3F%C3%A4~");
    }
}
