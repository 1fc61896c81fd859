//! What Shipway knows of AWS: the shapes of its services. Speaks to nobody yet.

pub mod models;

pub use shipway_asl::integration as integrations;
