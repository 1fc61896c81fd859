//! What Shipway knows of AWS: the models of its services, and the one client that is driven by them. No other crate
//! knows AWS's protocols; the environment is the binary's to read.

pub mod buckets;
pub mod client;
pub mod logs;
pub mod mock;
pub mod models;
pub mod protocol;
pub mod task;
pub mod tasks;

pub use shipway_asl::integration as integrations;
