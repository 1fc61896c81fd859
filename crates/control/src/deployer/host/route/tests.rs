//! Claims about route.
