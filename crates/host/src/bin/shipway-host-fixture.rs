//! Stands in for the `shipway` binary in this crate's tests: keeper, trampoline, a service that answers on `PORT`,
//! and a server that does nothing but start and stop a group. Not shipped.

use std::{
    error::Error,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::TcpListener,
    process::ExitCode,
};

use shipway_control::host::{FencingToken, Host, StartGroup};
use shipway_host::{Config, LocalHost};

fn main() -> ExitCode {
    if let Some(code) = shipway_host::keeper::dispatch(std::env::args_os()) {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve"] => serve(),
        ["churn", data_dir, start] => churn(data_dir, start),
        _ => Err("no such verb".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody else can be told.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

/// Answers every request with the version of its release.
fn serve() -> Result<(), Box<dyn Error>> {
    let version = std::env::var("SHIPWAY_VERSION")?;
    let port: u16 = std::env::var("PORT")?.parse()?;
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

/// Starts and stops the group that is described in a file until it is killed.
fn churn(data_dir: &str, start: &str) -> Result<(), Box<dyn Error>> {
    let start: StartGroup = serde_json::from_slice(&fs::read(start)?)?;
    let host = LocalHost::new(Config::new(data_dir, std::env::current_exe()?))?;
    tokio::runtime::Runtime::new()?.block_on(async {
        loop {
            host.reconcile().await?;
            host.start_group(&start, FencingToken(1)).await?;
            host.stop_group(&start.group, FencingToken(1)).await?;
        }
    })
}
