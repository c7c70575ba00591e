use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Poll, ready},
};

use bytes::{Buf, BufMut, Bytes};
use http_body::Body;
use tokio::{
    task::coop,
    time::{Instant, sleep_until},
};

use crate::{panic::caught, rejection::RejectionKind};

/// What is reserved for a body of more than one frame, though its bytes may never arrive.
const TRUSTED_RESERVE: usize = 16 * 1024;

/// Reads the whole body by the deadline, into memory of its own size. Frames are copied, since each
/// keeps the server's whole read buffer alive, and deliveries may live long.
pub(crate) async fn collect<B: Body>(
    body: B,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, RejectionKind> {
    let mut body = pin!(Some(body));
    let read = read(
        body.as_mut().as_pin_mut().expect("just set"),
        limit,
        deadline,
    )
    .await;
    // It is the user's, and may panic when it is dropped.
    let _ = caught(|| body.set(None));
    read
}

async fn read<B: Body>(
    mut body: Pin<&mut B>,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, RejectionKind> {
    let mut timer = pin!(sleep_until(deadline));
    let mut begun = false;
    let mut all = Vec::new();

    while !body.is_end_stream() {
        let frame = poll_fn(|cx| {
            // Ask the clock first: frames that are always ready must not be read for ever. The
            // first frame is read at any time, so that what is there already can be stored.
            if mem::replace(&mut begun, true) && Instant::now() >= deadline {
                return Poll::Ready(Err(RejectionKind::Timeout));
            }
            let budget = ready!(coop::poll_proceed(cx));
            if let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
                budget.made_progress();
                return Poll::Ready(Ok(frame));
            }
            timer
                .as_mut()
                .poll(cx)
                .map(|()| Err(RejectionKind::Timeout))
        });
        let frame = match frame.await? {
            None => break,
            Some(Err(_)) => return Err(RejectionKind::Truncated),
            Some(Ok(frame)) => frame,
        };
        // Trailers are ignored.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let more = data.remaining();
        if more > limit - all.len() {
            return Err(RejectionKind::TooLarge);
        }
        if more > all.capacity() - all.len() {
            // The last frame gets what it needs. Before that the space doubles, as that of a `Vec` does
            // by itself, but never past the limit.
            let doubled = match body.is_end_stream() {
                true => 0,
                false => (all.capacity() * 2).max(TRUSTED_RESERVE),
            };
            let capacity = doubled.clamp(all.len() + more, limit);
            all.reserve_exact(capacity - all.len());
        }
        all.put(data);
    }
    Ok(all.into_boxed_slice().into())
}
