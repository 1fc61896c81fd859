//! What Shipway knows of AWS: the shapes of its services, and whether a mocked result fits them. Speaks to nobody yet.

pub mod mock;
pub mod models;
pub mod protocol;

pub use shipway_asl::integration as integrations;
