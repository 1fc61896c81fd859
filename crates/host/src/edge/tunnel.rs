//! The two-way stream after an upgrade (WebSocket and others). Does not look at what flows.

use std::{io, sync::Arc, time::Duration};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncWriteExt, copy, split},
    pin, time,
};

use super::{conn::Conn, upstream::Flight};

/// How long the client's side stays open after the process has ended its own.
///
/// WHY: a client may end its side and still read for as long as it likes, but a process that has ended its side will
/// hear nothing more; waiting for such clients would keep a drain from ending.
const LINGER: Duration = Duration::from_secs(1);

/// Carries bytes both ways until it has ended; the request is in flight until then.
pub(super) async fn carry(client: OnUpgrade, process: OnUpgrade, mut flight: Flight, conn: Arc<Conn>) {
    flight.record();
    let carried = match tokio::try_join!(client, process) {
        Ok((client, process)) => carry_between(client, process).await,
        Err(error) => Err(io::Error::other(error)),
    };
    if let Err(error) = carried {
        tracing::debug!(peer = %conn.peer, %error, "tunnel broke");
    }
}

async fn carry_between(client: Upgraded, process: Upgraded) -> io::Result<()> {
    let (mut client_reader, mut client_writer) = split(TokioIo::new(client));
    let (mut process_reader, mut process_writer) = split(TokioIo::new(process));
    let there = async {
        copy(&mut client_reader, &mut process_writer).await?;
        process_writer.shutdown().await
    };
    let back = async {
        copy(&mut process_reader, &mut client_writer).await?;
        client_writer.shutdown().await
    };
    pin!(there, back);
    tokio::select! {
        ended = &mut there => {
            ended?;
            back.await
        }
        ended = &mut back => {
            ended?;
            time::timeout(LINGER, there).await.unwrap_or(Ok(()))
        }
    }
}
