//! What is watched on a connection: bytes that its client does not read, bodies that it does not send, and its end.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

use super::places::Place;

/// How long a client may read nothing of an answer.
const READ_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a client may still send after its last answer, which would be lost with it otherwise.
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);
/// Bytes that are read and thrown away meanwhile.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// A socket whose client has to read.
pub struct Paced<S> {
    socket: S,
    place: Arc<Place>,
    stop: CancellationToken,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Paced<S> {
    /// A socket on a place; after `stop` nobody is waited for at the end.
    pub fn new(socket: S, place: Arc<Place>, stop: CancellationToken) -> Self {
        Self { socket, place, stop, stalled: None, lingering: None }
    }

    /// What became of writing: the client's time runs while nothing can be written.
    fn paced<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            if self.stalled.take().is_some() {
                self.place.goes_on();
            }
            return wrote;
        }
        let stalled = self.stalled.get_or_insert_with(|| {
            self.place.waits();
            Box::pin(sleep(READ_TIME_MAX))
        });
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.paced(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write_vectored(cx, bytes);
        this.paced(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    /// WHY: a socket that is closed with unread bytes resets its connection, and the answer is lost with it: a client
    /// whose body was refused half-way would see a broken connection instead of the reason.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.place.waits();
        }
        if this.stop.is_cancelled() {
            return Poll::Ready(Ok(()));
        }
        let (time, thrown) = this.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER_TIME_MAX)), 0));
        let mut bytes = [0; 8 * 1024];
        while *thrown < LINGER_BYTES_MAX && time.deadline() > Instant::now() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut this.socket).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => *thrown += buffer.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    ready!(time.as_mut().poll(cx));
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A body that the client sends.
pub struct Sent<B> {
    body: B,
    place: Arc<Place>,
    is_awaited: bool,
    is_whole: Arc<AtomicBool>,
}

impl<B> Sent<B> {
    /// A body on a place; `is_whole` becomes true when all of it has been read.
    pub fn new(body: B, place: Arc<Place>, is_whole: Arc<AtomicBool>) -> Self {
        Self { body, place, is_awaited: false, is_whole }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        match (frame.is_pending(), this.is_awaited) {
            (true, false) => this.place.waits(),
            (false, true) => this.place.goes_on(),
            (true, true) | (false, false) => {}
        }
        this.is_awaited = frame.is_pending();
        if matches!(frame, Poll::Ready(None)) || this.body.is_end_stream() {
            this.is_whole.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer: when it is over, the client is to do something.
pub struct Given {
    body: Body,
    place: Arc<Place>,
}

impl Given {
    /// An answer on a place.
    pub fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.place.waits();
    }
}

impl HttpBody for Given {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
