//! A public port: accepts connections for one service and serves HTTP/1.1 on them.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    pin,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    conn::{Conn, Socket},
    proxy,
    service::Service,
};

/// Connections that the system completes and queues while none are accepted.
const BACKLOG: u32 = 4_096;

/// Pause after a failed accept, such as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A port that is served.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    accepting: JoinHandle<()>,
    stop_accepting: CancellationToken,
    drain: CancellationToken,
}

/// Takes a port without serving it yet.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listening {
    /// Serves a port that was bound.
    pub(super) fn start(service: Arc<Service>, address: SocketAddr, listener: TcpListener) -> Self {
        let (stop_accepting, drain) = (CancellationToken::new(), CancellationToken::new());
        let accepting =
            service.cx.tasks.clone().spawn(accept(service, listener, stop_accepting.clone(), drain.clone()));
        Self { address, accepting, stop_accepting, drain }
    }

    /// Gives the port up. Connections that were made are served to the end of their request and then closed.
    pub(super) async fn close(self) {
        self.stop_accepting.cancel();
        if let Err(error) = self.accepting.await {
            tracing::error!(address = %self.address, %error, "listener ended badly");
        }
        self.drain.cancel();
    }
}

async fn accept(
    service: Arc<Service>,
    listener: TcpListener,
    stop: CancellationToken,
    drain: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(service.cx.limits.connections_max));
    while let Some(Ok(permit)) = stop.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await {
        match stop.run_until_cancelled(listener.accept()).await {
            None => break,
            Some(Ok((stream, peer))) => spawn(&service, stream, peer, permit, &drain),
            Some(Err(error)) => {
                tracing::warn!(service = %service.id, %error, "connection is not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if let Err(error) = take_the_queue(&service, listener, &permits, &drain) {
        tracing::debug!(service = %service.id, %error, "queue of connections ends");
    }
}

/// Serves connections that the system has completed: closing the listener would reset them.
fn take_the_queue(
    service: &Arc<Service>,
    listener: TcpListener,
    permits: &Arc<Semaphore>,
    drain: &CancellationToken,
) -> io::Result<()> {
    let listener = listener.into_std()?;
    for _ in 0..BACKLOG {
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { break };
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        spawn(service, TcpStream::from_std(stream)?, peer, permit, drain);
    }
    Ok(())
}

fn spawn(
    service: &Arc<Service>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
    drain: &CancellationToken,
) {
    let conn = Arc::new(Conn::new(peer, permit));
    service.cx.tasks.spawn(serve(Arc::clone(service), conn, stream, drain.clone()));
}

async fn serve(service: Arc<Service>, conn: Arc<Conn>, stream: TcpStream, drain: CancellationToken) {
    let _connected = service.connected();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(peer = %conn.peer, %error, "connection is gone");
    }
    let answer = |request: Request<Incoming>| {
        let answering = proxy::answer(Arc::clone(&service), Arc::clone(&conn), request);
        async { Ok::<_, Infallible>(answering.await) }
    };
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&conn)));
    let serving = builder(service.cx.limits.head_bytes_max)
        .serve_connection(socket, service_fn(answer))
        .with_upgrades();
    let overdue = conn.overdue(&service.cx.limits);
    pin!(serving, overdue);
    let mut is_draining = false;
    loop {
        tokio::select! {
            ended = &mut serving => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %conn.peer, %error, "connection broke");
                }
                return;
            }
            () = &mut overdue => return,
            () = drain.cancelled(), if !is_draining => {
                is_draining = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(head_bytes_max: usize) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // WHY: hyper's time-out for heads also runs while a connection is idle; `Conn` tells the two apart.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(head_bytes_max)
        .max_buf_size(head_bytes_max.saturating_mul(2).max(8_192));
    builder
}
