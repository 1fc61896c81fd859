//! Addresses that a call on behalf of a user must not reach: where clouds give their machines credentials. Names are
//! looked at once they are addresses, so that no name leads there.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// Whether an address is one of the link or of the machine's own credentials.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || matches!(address.segments(), [0xfd00, 0xec2, ..])
                || within(address).is_some_and(|address| address.is_link_local())
        }
    }
}

/// Refuses a URL whose host is such an address: those are asked for no name.
pub(super) fn check(url: &str) -> Result<(), String> {
    let uri: http::Uri = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(address) if is_forbidden(address) => Err(format!("`{host}` must not be called")),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let (high, low) = match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => (g, h),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Finds the addresses of names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    system: GaiResolver,
    is_guarded: bool,
}

impl Names {
    pub(super) fn any() -> Self {
        Self { system: GaiResolver::new(), is_guarded: false }
    }

    pub(super) fn guarded() -> Self {
        Self { is_guarded: true, ..Self::any() }
    }
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, is_guarded) = (self.system.call(name), self.is_guarded);
        Box::pin(async move {
            let all: Vec<SocketAddr> = found.await?.collect();
            match all.iter().find(|address| is_guarded && is_forbidden(address.ip())) {
                Some(address) => Err(std::io::Error::other(format!("`{}` must not be called", address.ip()))),
                None => Ok(all.into_iter()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_credentials_are_forbidden_in_every_spelling() {
        for (address, expected) in [
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("fd00:ec2::254", true),
            ("fe80::1", true),
            ("::ffff:169.254.169.254", true),
            ("::169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("2002:a9fe:a9fe::1", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("10.0.0.1", false),
            ("2600::1", false),
            ("fd00:ec3::254", false),
        ] {
            assert_eq!(is_forbidden(address.parse().unwrap()), expected, "{address}");
        }
    }
}
