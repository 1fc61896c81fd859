//! Stands in for the `shipway` binary in this crate's tests: keeper, trampoline, and a service that answers on
//! `PORT`. Not shipped.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpListener,
    process::ExitCode,
};

fn main() -> ExitCode {
    let kept = shipway_host::keeper::dispatch(std::env::args_os());
    kept.unwrap_or_else(|| if serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// `serve` answers every request with the version of its release; anything else is refused.
fn serve() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() != Some("serve") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let variable = |name| std::env::var(name).map_err(io::Error::other);
    let version = variable("SHIPWAY_VERSION")?;
    let port: u16 = variable("PORT")?.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut lines = BufReader::new(&stream).lines();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let length = version.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{version}")?;
    }
    Ok(())
}
