//! Whose process is at the other end of a loopback connection, as the system's tables of sockets tell: every user of the
//! machine can reach a loopback port. Linux only, as all of this crate.

use std::{
    fs::File,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddrV4},
};

/// Bytes of a table that are read at most: 200,000 sockets.
const TABLE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Whether a process of this user opened the connection from `peer` to `local`. What cannot be told is no.
pub(super) fn is_ours(peer: SocketAddrV4, local: SocketAddrV4) -> bool {
    let me = rustix::process::getuid().as_raw();
    // WHY: a program may reach an IPv4 address through an IPv6 socket, which has a table of its own.
    let tables = [("/proc/net/tcp", hex4 as fn(Ipv4Addr) -> String), ("/proc/net/tcp6", hex6)];
    tables.iter().any(|(path, hex)| {
        let name = |address: SocketAddrV4| format!("{}:{:04X}", hex(*address.ip()), address.port());
        read(path).is_ok_and(|table| uid(&table, &name(peer), &name(local)) == Some(me))
    })
}

fn read(path: &str) -> io::Result<String> {
    let mut table = String::new();
    File::open(path)?.take(TABLE_BYTES_MAX).read_to_string(&mut table)?;
    Ok(table)
}

/// The user of the socket at `local` that is connected to `remote`: columns are
/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid`.
fn uid(table: &str, local: &str, remote: &str) -> Option<u32> {
    const ESTABLISHED: &str = "01";
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(1) == Some(&local)
            && fields.get(2) == Some(&remote)
            && fields.get(3) == Some(&ESTABLISHED);
        is_it.then(|| fields.get(7)?.parse().ok()).flatten()
    })
}

/// As the table has it: the bytes as one number of this machine.
fn hex4(address: Ipv4Addr) -> String {
    format!("{:08X}", u32::from_ne_bytes(address.octets()))
}

fn hex6(address: Ipv4Addr) -> String {
    let marker = u32::from_ne_bytes([0, 0, 0xFF, 0xFF]);
    format!("{:016X}{marker:08X}{}", 0, hex4(address))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_row_of_the_table_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n\
             1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2\n";
        assert_eq!(uid(table, "0100007F:C350", "0100007F:1F90"), Some(1001));
        assert_eq!(uid(table, "0100007F:1F90", "00000000:0000"), None, "only what is connected");
        assert_eq!(uid(table, "0100007F:1F90", "0100007F:C350"), None);
    }

    #[test]
    fn a_connection_of_this_process_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(local) = listener.local_addr().unwrap() else { panic!("IPv4") };
        let stream = TcpStream::connect(local).unwrap();
        let SocketAddr::V4(peer) = stream.local_addr().unwrap() else { panic!("IPv4") };
        assert!(is_ours(peer, local));
        let nobody = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        assert!(!is_ours(nobody, local));
    }
}
