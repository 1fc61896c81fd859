//! HTTP API and live pages over `control`'s application. The only crate that knows HTTP routes and wire JSON.
