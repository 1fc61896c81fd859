//! Claims about health.
