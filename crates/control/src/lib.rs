//! Releases, deployers, locks and deployments; ports to hosts and clouds. Knows neither HTTP nor AWS.

#![allow(clippy::todo, clippy::needless_pass_by_value, clippy::unused_self, reason = "scaffold")]

pub mod app;
pub mod config;
pub mod deployer;
pub mod host;
pub mod lock;
pub mod millis;
pub mod name;
pub mod release;
pub mod source;
pub mod version;

pub use millis::Millis;
