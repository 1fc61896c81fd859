//! Names of projects, environments and services: one strict rule, so that joined keys cannot collide.

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a name: lower-case letters, digits and `-`, starting with a letter or digit, at most 40 characters"
)]
pub struct BadName {
    name: String,
}

/// Checks one segment: `[a-z0-9][a-z0-9-]{0,39}`.
pub fn check_segment(name: &str) -> Result<(), BadName> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if starts_well && is_plain && name.len() <= 40 { Ok(()) } else { Err(BadName { name: name.to_owned() }) }
}

/// Checks a project's name: one segment, or two as `org/name`.
pub fn check_project(name: &str) -> Result<(), BadName> {
    match name.split_once('/') {
        Some((org, project)) => check_segment(org).and_then(|()| check_segment(project)),
        None => check_segment(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strict() {
        for good in ["web", "0", "a-b", "shop2"] {
            check_segment(good).unwrap();
        }
        for bad in ["", "-a", "A", "a_b", "a/b", "a.b", "ä", "..", &"x".repeat(41)] {
            check_segment(bad).unwrap_err();
        }
        check_project("acme/shop").unwrap();
        for bad in ["acme/", "/shop", "a/b/c", ""] {
            check_project(bad).unwrap_err();
        }
    }
}
