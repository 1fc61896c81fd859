//! The shipway command.
fn main() {}
