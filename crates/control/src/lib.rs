//! Releases, deployers, locks and deployments; ports to hosts and clouds. Knows neither HTTP nor AWS.

pub mod access;
pub mod app;
pub mod config;
pub mod deployer;
pub mod function;
pub mod host;
pub mod lock;
pub mod millis;
pub mod name;
pub mod release;
pub mod source;
pub mod version;

pub use millis::Millis;
