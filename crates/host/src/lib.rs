//! This machine: processes under keepers, artifacts on disk, and the edge proxy. Implements `control`'s host port.

pub mod artifact;
pub mod edge;
pub mod keeper;
pub mod load;
