//! The Step Functions API over a real engine in virtual time.

mod actions;
mod cases;
mod corners;
mod matching;
mod redrive;
mod service;
mod signed;
mod signer;
