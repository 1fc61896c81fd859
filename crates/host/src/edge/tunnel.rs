//! The two-way stream after an upgrade (WebSocket and others). Does not look at what flows.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io;

use super::{conn::Conn, upstream::Flight};

/// Carries bytes both ways until both sides have ended; the request is in flight until then.
pub(super) async fn carry(client: OnUpgrade, process: OnUpgrade, mut flight: Flight, conn: Arc<Conn>) {
    flight.record();
    let ends = tokio::try_join!(client, process);
    let Ok((client, process)) = ends else {
        tracing::debug!(peer = %conn.peer, "upgrade was accepted and not carried out");
        return;
    };
    let (mut client, mut process) = (TokioIo::new(client), TokioIo::new(process));
    if let Err(error) = io::copy_bidirectional(&mut client, &mut process).await {
        tracing::debug!(peer = %conn.peer, %error, "tunnel broke");
    }
}
