//! Where keys come from: AWS's default chain, fixed keys, or a role that is taken on. Keeps them until shortly before
//! they end. Never shows a secret.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::{
    BehaviorVersion, default_provider::credentials::DefaultCredentialsChain, provider_config::ProviderConfig,
};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider as TlsProvider, rustls_provider::CryptoMode},
};
use shipway_asl::Timestamp;
use shipway_engine::clock::Clock;
use tokio::sync::Mutex;

/// How long before their end credentials are fetched anew.
const RENEW_BEFORE_MILLIS: u64 = 5 * 60 * 1000;

/// Credentials that are not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no credentials for AWS: {0}")]
pub struct NoCredentials(pub String);

/// Fetches credentials; the client keeps them.
#[async_trait]
pub trait Provider: Send + Sync {
    /// New credentials.
    async fn fetch(&self) -> Result<Credentials, NoCredentials>;
}

/// Keys that do not end.
pub struct Fixed(Credentials);

impl Fixed {
    /// Id and secret of a key, and the token of a session that has one.
    pub fn new(id: &str, secret: &str, session_token: Option<&str>) -> Self {
        Self(Credentials::new(id, secret, session_token.map(str::to_owned), None, "shipway"))
    }
}

#[async_trait]
impl Provider for Fixed {
    async fn fetch(&self) -> Result<Credentials, NoCredentials> {
        Ok(self.0.clone())
    }
}

/// The chain that AWS's own tools ask: environment, profiles, single sign-on, web identity, container, instance.
pub struct DefaultChain(Mutex<Option<Arc<DefaultCredentialsChain>>>);

impl DefaultChain {
    /// Reads nothing until it is first asked.
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }

    async fn chain(&self) -> Arc<DefaultCredentialsChain> {
        let mut chain = self.0.lock().await;
        if let Some(chain) = chain.as_ref() {
            return Arc::clone(chain);
        }
        let tls = TlsProvider::Rustls(CryptoMode::Ring);
        let http = Builder::new().tls_provider(tls).build_https();
        let config =
            aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone()).no_credentials();
        let region = config.load().await.region().cloned();
        let provider = ProviderConfig::default().with_http_client(http).with_region(region);
        let built = Arc::new(DefaultCredentialsChain::builder().configure(provider).build().await);
        *chain = Some(Arc::clone(&built));
        built
    }
}

impl Default for DefaultChain {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Provider for DefaultChain {
    async fn fetch(&self) -> Result<Credentials, NoCredentials> {
        let chain = self.chain().await;
        chain.provide_credentials().await.map_err(|error| NoCredentials(causes(&error)))
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A provider with what it gave last. Many who ask at once fetch once.
pub(super) struct Kept {
    provider: Box<dyn Provider>,
    last: Mutex<Option<Credentials>>,
}

impl Kept {
    pub(super) fn new(provider: Box<dyn Provider>) -> Self {
        Self { provider, last: Mutex::new(None) }
    }

    pub(super) async fn credentials(&self, clock: &dyn Clock) -> Result<Credentials, NoCredentials> {
        let mut last = self.last.lock().await;
        if let Some(credentials) = last.as_ref().filter(|credentials| is_fresh(credentials, clock.now())) {
            return Ok(credentials.clone());
        }
        match self.provider.fetch().await {
            Ok(fetched) => Ok(last.insert(fetched).clone()),
            // WHY: a failure to renew early does no harm while the old ones still hold.
            Err(error) => last.clone().filter(|old| holds(old, clock.now())).ok_or(error),
        }
    }

    /// Forgets what a service no longer takes.
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }
}

fn is_fresh(credentials: &Credentials, now: Timestamp) -> bool {
    holds(credentials, now.plus_millis(RENEW_BEFORE_MILLIS))
}

fn holds(credentials: &Credentials, at: Timestamp) -> bool {
    credentials.expiry().is_none_or(|end| end > super::sign::time(at))
}
