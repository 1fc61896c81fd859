//! Claims about gate.
