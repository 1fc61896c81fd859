//! Claims about what definitions are refused for.
