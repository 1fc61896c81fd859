//! One client connection: its peer, and how long it may stay silent. Does not speak HTTP.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::Instant,
};

use super::Limits;

/// A connection is looked at this often at least.
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// Waits for the first byte of a request.
const IDLE: u8 = 0;
/// Has got a part of a request's head.
const HEAD: u8 = 1;
/// A request is under way.
const BUSY: u8 = 2;

/// What a connection's socket, requests and watcher share.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) peer: SocketAddr,
    opened: Instant,
    phase: AtomicU8,
    /// Milliseconds after `opened`: start of the phase, or for an idle connection the last byte written.
    since: AtomicU64,
    /// Lives as long as the connection or its tunnel: the limit on connections.
    _permit: OwnedSemaphorePermit,
}

impl Conn {
    pub(super) fn new(peer: SocketAddr, permit: OwnedSemaphorePermit) -> Self {
        let opened = Instant::now();
        Self { peer, opened, phase: AtomicU8::new(IDLE), since: AtomicU64::new(0), _permit: permit }
    }

    /// When it has been silent for too long; `None` while a request is under way.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let allowed = match self.phase.load(SeqCst) {
            BUSY => return None,
            HEAD => limits.head_timeout,
            _ => limits.idle_timeout,
        };
        Some(self.opened + Duration::from_millis(self.since.load(SeqCst)) + allowed)
    }

    /// Returns when the connection has been silent for too long.
    pub(super) async fn overdue(&self, limits: &Limits) {
        // An idle connection may get into a head with less time than it had: look again within that time.
        let step = LOOK_AT_LEAST.min(limits.head_timeout).min(limits.idle_timeout);
        loop {
            let now = Instant::now();
            let deadline = self.deadline(limits);
            if deadline.is_some_and(|deadline| deadline <= now) {
                return;
            }
            tokio::time::sleep_until(deadline.map_or(now + step, |deadline| deadline.min(now + step))).await;
        }
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.now(), SeqCst);
        self.phase.store(phase, SeqCst);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn has_read(&self) {
        if self.phase.load(SeqCst) == IDLE {
            self.enter(HEAD);
        }
    }

    fn has_written(&self) {
        if self.phase.load(SeqCst) == IDLE {
            self.since.store(self.now(), SeqCst);
        }
    }
}

/// A request under way on a connection, until its response is through.
#[derive(Debug)]
pub(super) struct Busy(Arc<Conn>);

impl Busy {
    pub(super) fn new(conn: &Arc<Conn>) -> Self {
        conn.enter(BUSY);
        Self(Arc::clone(conn))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.enter(IDLE);
    }
}

/// A client's socket that tells its [`Conn`] what happens.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    conn: Arc<Conn>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, conn: Arc<Conn>) -> Self {
        Self { stream, conn }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.conn.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.conn.has_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.conn.has_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
