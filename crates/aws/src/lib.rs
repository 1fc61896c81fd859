//! What Shipway knows of AWS: the shapes of its services, and whether a mocked result fits them. The one client is driven by them.

pub mod client;
pub mod mock;
pub mod models;
pub mod protocol;
pub mod task;

pub use shipway_asl::integration as integrations;
