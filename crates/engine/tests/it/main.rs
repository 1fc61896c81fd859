//! Tests from the outside, one binary for the crate.
