//! File descriptors of this process: how many connections they allow. Opens none.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: the store, logs, tasks' own connections, processes.
const RESERVED: u64 = 256;

/// Lets this process open what `connections` need, as far as the system allows it; how many connections that are.
///
/// Many systems give 1,024 at first and more to who asks.
pub fn connections_max(connections: usize) -> usize {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(RESERVED);
    let now = getrlimit(Resource::Nofile);
    let allowed = now.maximum.unwrap_or(u64::MAX).min(wanted);
    let current = now.current.unwrap_or(u64::MAX);
    if current < allowed {
        let more = Rlimit { current: Some(allowed), maximum: now.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, more) {
            tracing::warn!(%error, current, allowed, "the limit of open files cannot be raised");
        }
    }
    let got = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    share(got).min(connections)
}

/// What is left for connections; a half where there is little.
fn share(descriptors: u64) -> usize {
    usize::try_from(descriptors.saturating_sub(RESERVED).max(descriptors / 2)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_kept_for_what_is_no_connection() {
        assert_eq!([100, 1_024, 20_256].map(share), [50, 768, 20_000]);
    }
}
