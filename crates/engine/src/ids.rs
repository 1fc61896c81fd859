//! Ids from the clock's entropy.

use crate::clock::Clock;

/// A random UUID as text.
pub fn uuid(clock: &dyn Clock) -> String {
    let (high, low) = (clock.entropy(), clock.entropy());
    let version = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let variant = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        version >> 32,
        (version >> 16) & 0xffff,
        version & 0xffff,
        variant >> 48,
        variant & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn ids_have_their_form_and_differ() {
        let (one, two) = (uuid(&SystemClock), uuid(&SystemClock));
        assert_ne!(one, two);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(
            one.get(14..15) == Some("4") && one.chars().all(|c| c == '-' || c.is_ascii_hexdigit()),
            "{one}"
        );
    }
}
