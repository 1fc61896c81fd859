//! Bodies on their way through, frame by frame: nothing is buffered, and a slow reader slows its writer.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::{conn::Busy, upstream::Flight};

/// A request's body as it is sent to a process. Clones share the body, so that a request whose body has not been
/// touched can be sent again.
#[derive(Clone, Debug)]
pub(super) enum RequestBody {
    /// There is none.
    Empty,
    /// The client's.
    Shared(Arc<SharedBody>),
}

/// A client's body and what has become of it.
#[derive(Debug)]
pub(super) struct SharedBody {
    incoming: Mutex<Incoming>,
    is_touched: AtomicBool,
    is_broken: AtomicBool,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Shared(Arc::new(SharedBody {
            incoming: Mutex::new(incoming),
            is_touched: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }))
    }

    /// Whether nothing of it has been read yet.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Shared(shared) => !shared.is_touched.load(SeqCst),
        }
    }

    /// Whether the client failed to send it.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Shared(shared) => shared.is_broken.load(SeqCst),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self::Shared(shared) = self.get_mut() else { return Poll::Ready(None) };
        shared.is_touched.store(true, SeqCst);
        let mut incoming = shared.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        if matches!(frame, Some(Err(_))) {
            shared.is_broken.store(true, SeqCst);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Shared(shared) => {
                shared.incoming.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Shared(shared) => {
                shared.incoming.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
            }
        }
    }
}

/// A response's body as it is sent to the client.
#[derive(Debug)]
pub(super) struct ResponseBody {
    inner: Inner,
    /// Marks the connection as free for the next request when the response is through.
    _busy: Busy,
}

#[derive(Debug)]
enum Inner {
    /// The edge's own words.
    Text(Full<Bytes>),
    /// The process's, and the proof that the request is in flight.
    Process { incoming: Incoming, flight: Flight },
}

impl ResponseBody {
    pub(super) fn text(text: impl Into<Bytes>, busy: Busy) -> Self {
        Self { inner: Inner::Text(Full::new(text.into())), _busy: busy }
    }

    pub(super) fn process(incoming: Incoming, flight: Flight, busy: Busy) -> Self {
        Self { inner: Inner::Process { incoming, flight }, _busy: busy }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.inner {
            Inner::Text(text) => Pin::new(text).poll_frame(cx).map_err(|never| match never {}),
            Inner::Process { incoming, flight } => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                if matches!(frame, Some(Err(_))) {
                    flight.failed();
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Text(text) => text.is_end_stream(),
            Inner::Process { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Text(text) => text.size_hint(),
            Inner::Process { incoming, .. } => incoming.size_hint(),
        }
    }
}
