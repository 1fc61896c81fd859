//! Reads a request's body within AWS's size, a time, and what memory there is for bodies. Does not parse it.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::fault::Fault;

/// Bytes of a body of the Step Functions API, as AWS has it.
pub const BYTES_MAX: usize = 1 << 20;
/// Bytes that are read after a body has shown to be too large, so that its sender comes to read why.
const EXCESS_BYTES_MAX: usize = 8 << 20;
/// How long a body may take to arrive.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes of a body for which there is always room.
const SMALL_BYTES_MAX: usize = 16 << 10;
/// How long the rest of a larger one may take: somebody may wait for its room.
const LARGE_TIME_MAX: Duration = Duration::from_secs(10);
/// Larger bodies that arrive at once.
const LARGE_MAX: usize = 128;

/// WHY: of the process, since its memory is.
static LARGE: Semaphore = Semaphore::const_new(LARGE_MAX);

/// A whole body of so many bytes at most.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    if body.size_hint().lower() > (bytes_max + EXCESS_BYTES_MAX) as u64 {
        return Err(too_large(bytes_max));
    }
    timeout(TIME_MAX, read_on(body, bytes_max)).await.map_err(|_| too_slow(TIME_MAX))?
}

async fn read_on(mut body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let mut read = BytesMut::new();
    while read.len() <= SMALL_BYTES_MAX {
        match next(&mut body).await? {
            Some(bytes) => take(&mut read, &bytes, bytes_max)?,
            None => return Ok(read.freeze()),
        }
    }
    let _room = room().await?;
    timeout(LARGE_TIME_MAX, read_large(body, read, bytes_max)).await.map_err(|_| too_slow(LARGE_TIME_MAX))?
}

async fn room() -> Result<SemaphorePermit<'static>, Fault> {
    LARGE.acquire().await.map_err(|error| Fault::unavailable(&error))
}

async fn read_large(mut body: Body, mut read: BytesMut, bytes_max: usize) -> Result<Bytes, Fault> {
    while let Some(bytes) = next(&mut body).await? {
        if let Err(fault) = take(&mut read, &bytes, bytes_max) {
            throw_away(body).await;
            return Err(fault);
        }
    }
    Ok(read.freeze())
}

async fn throw_away(mut body: Body) {
    let mut excess = 0;
    while excess <= EXCESS_BYTES_MAX
        && let Ok(Some(bytes)) = next(&mut body).await
    {
        excess += bytes.len();
    }
}

fn take(read: &mut BytesMut, bytes: &[u8], bytes_max: usize) -> Result<(), Fault> {
    if read.len() + bytes.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    read.extend_from_slice(bytes);
    Ok(())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Fault> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::serialization("The request did not arrive whole"))?;
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn too_large(bytes_max: usize) -> Fault {
    Fault {
        code: "RequestEntityTooLargeException",
        message: format!("The request has more than {bytes_max} bytes"),
        status: StatusCode::PAYLOAD_TOO_LARGE,
    }
}

fn too_slow(time: Duration) -> Fault {
    Fault {
        code: "RequestTimeoutException",
        message: format!("The request did not arrive within {} s", time.as_secs()),
        status: StatusCode::REQUEST_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(bytes: usize) -> Result<usize, &'static str> {
        read(Body::from(vec![b'x'; bytes]), BYTES_MAX)
            .await
            .map(|read| read.len())
            .map_err(|fault| fault.code)
    }

    #[tokio::test]
    async fn a_body_of_a_mebibyte_is_taken_and_one_more_byte_refused() {
        assert_eq!(code(0).await, Ok(0));
        assert_eq!(code(BYTES_MAX).await, Ok(BYTES_MAX));
        for bytes in [BYTES_MAX + 1, BYTES_MAX + EXCESS_BYTES_MAX, 2 * EXCESS_BYTES_MAX] {
            assert_eq!(code(bytes).await, Err("RequestEntityTooLargeException"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_do_not_arrive_are_given_up_and_leave_room() {
        let stuck = |bytes: usize| {
            let sent = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![b'x'; bytes])]);
            let never = futures_util::stream::pending();
            read(Body::from_stream(futures_util::StreamExt::chain(sent, never)), BYTES_MAX)
        };
        let large = (0..2 * LARGE_MAX).map(|_| stuck(SMALL_BYTES_MAX + 1));
        let (large, small) = tokio::join!(futures_util::future::join_all(large), code(SMALL_BYTES_MAX));
        assert_eq!(small, Ok(SMALL_BYTES_MAX));
        assert!(
            large
                .iter()
                .all(|read| read.as_ref().is_err_and(|fault| fault.code == "RequestTimeoutException"))
        );
        assert_eq!(code(BYTES_MAX).await, Ok(BYTES_MAX));
    }
}
