//! Ids from the clock's entropy.

use crate::clock::Clock;

/// A random UUID as text.
pub fn uuid(clock: &dyn Clock) -> String {
    form(clock.entropy(), clock.entropy(), 4)
}

/// The UUID of a text: always the same (FNV-1a, version 8). Keeps nobody from making two texts with one id.
pub fn uuid_of(text: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_013b;
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let low = u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
    form(u64::try_from(hash >> 64).unwrap_or_default(), low, 8)
}

fn form(high: u64, low: u64, version: u64) -> String {
    let version = (high & 0xffff_ffff_ffff_0fff) | version << 12;
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
    fn a_text_has_one_id() {
        let id = uuid_of("arn/state/2");
        assert_eq!(id, uuid_of("arn/state/2"));
        assert_ne!(id, uuid_of("arn/state/3"));
        assert_eq!((id.len(), id.get(14..15)), (36, Some("8")), "{id}");
    }

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
