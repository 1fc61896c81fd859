//! Chooses ports on 127.0.0.1 for processes: free now, promised to no other group, and where possible outside the
//! range from which the system takes ports for connections of its own, which could take one between two starts.

use std::{
    collections::BTreeSet,
    fs, io,
    net::{Ipv4Addr, TcpListener},
};

/// The range that is preferred: below the system's usual one.
const FIRST: u16 = 20_000;

/// How many ports of the preferred range are tried before the system is asked.
const TRIES_MAX: u16 = 4_096;

/// Chooses `count` ports; keeps `before` if all of them are still free.
pub(crate) fn choose(count: u16, before: &[u16], taken: &BTreeSet<u16>) -> io::Result<Vec<u16>> {
    let is_enough = before.len() == usize::from(count);
    if is_enough && before.iter().all(|&port| !taken.contains(&port) && bind(port).is_ok()) {
        return Ok(before.to_vec());
    }
    // Held until all are chosen, so that none is chosen twice.
    let mut held: Vec<TcpListener> = Vec::new();
    let mut ports = Vec::new();
    let range = preferred();
    let mut candidates = candidates(&range)?;
    while ports.len() < usize::from(count) {
        let listener = match candidates.next() {
            Some(port) if taken.contains(&port) => continue,
            Some(port) => match bind(port) {
                Ok(listener) => listener,
                Err(_) => continue,
            },
            None => bind(0)?,
        };
        let port = listener.local_addr()?.port();
        held.push(listener);
        if !taken.contains(&port) {
            ports.push(port);
        }
    }
    Ok(ports)
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// At most so many, from a random place on.
fn candidates(range: &std::ops::Range<u16>) -> io::Result<impl Iterator<Item = u16> + use<>> {
    let length = u32::from(range.end.saturating_sub(range.start)).max(1);
    let random = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
    let (first, tries) = (u32::from(range.start), u32::from(TRIES_MAX).min(length));
    let tries = if range.is_empty() { 0 } else { tries };
    Ok((0..tries).filter_map(move |step| u16::try_from(first + (random % length + step) % length).ok()))
}

/// Up to where the system's own range begins; empty if it begins too low.
fn preferred() -> std::ops::Range<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_ascii_whitespace().next().and_then(|first| first.parse().ok());
    FIRST..first.unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_not_promised() {
        let first = choose(5, &[], &BTreeSet::new()).unwrap();
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 5);
        let taken: BTreeSet<u16> = first.iter().copied().collect();
        let second = choose(5, &first, &taken).unwrap();
        assert!(second.iter().all(|port| !taken.contains(port)), "{second:?}");
    }

    #[test]
    fn free_ports_are_kept_and_used_ones_are_not() {
        let ports = choose(1, &[], &BTreeSet::new()).unwrap();
        let listener = bind(ports[0]).unwrap();
        assert_ne!(choose(1, &ports, &BTreeSet::new()).unwrap(), ports);
        drop(listener);
        assert_eq!(choose(1, &ports, &BTreeSet::new()).unwrap(), ports);
    }

    #[test]
    fn all_of_the_preferred_range_taken_leaves_the_systems() {
        let taken: BTreeSet<u16> = preferred().collect();
        let port = choose(1, &[], &taken).unwrap()[0];
        assert!(!taken.contains(&port));
    }
}
