//! This machine: processes under keepers, artifacts on disk, and the edge proxy. Implements `control`'s host port.

pub mod edge;
pub mod function;
pub mod keeper;
pub mod load;

mod artifact;
mod check;
mod command;
mod fault;
mod fence;
mod file;
mod group;
mod launch;
mod layout;
mod local;
mod locks;
mod logs;
mod machine;
mod ports;
mod probe;
mod process;
mod prune;
mod stop;

pub use local::{Config, LocalHost};
