//! What Shipway knows of AWS: the shapes of its services. Speaks to nobody yet.
