//! The way to the database: what the user's URL means, TLS, one connection that is ready to be used.

use std::{str::FromStr, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{Client, Config, config::Host};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Trouble;

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Silence after which the system asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Where the database is and how it is reached.
#[derive(Clone)]
pub struct Place {
    pub config: Config,
    pub tls: MakeRustlsConnect,
    /// What people are told: no password.
    pub name: Arc<str>,
}

impl Place {
    /// Understands a URL such as `postgres://shipway@db.internal:5432/shipway?sslmode=require`.
    pub fn parse(url: &str) -> Result<Self, Trouble> {
        let mut config = Config::from_str(&understood(url))
            .map_err(|error| Trouble::Refused(format!("the database's URL cannot be read: {error}")))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        config.keepalives_idle(KEEPALIVE).tcp_user_timeout(CONNECT_TIME_MAX);
        if config.get_application_name().is_none() {
            config.application_name("shipway");
        }
        let name = name(&config).into();
        Ok(Self { config, tls: MakeRustlsConnect::new(tls()?), name })
    }

    /// A connection that waits for no lock for ever and keeps none for long.
    pub async fn connect(&self) -> Result<Client, Trouble> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(async move {
            // WHY: whoever uses the client is told by its own calls.
            let _ = connection.await;
        });
        client
            .batch_execute(
                "SET synchronous_commit = on; SET lock_timeout = '10s'; \
                 SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning",
            )
            .await?;
        Ok(client)
    }
}

/// WHY: certificates are always verified here, so libpq's stricter words mean no more than `require`.
fn understood(url: &str) -> String {
    url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require")
}

fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5_432);
    format!("PostgreSQL `{}` at {host}:{port}", config.get_dbname().unwrap_or("shipway"))
}

/// TLS by the system's roots (or those of `SSL_CERT_FILE`), with the one provider.
fn tls() -> Result<ClientConfig, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Trouble::Refused(format!("TLS cannot be set up: {error}")))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
