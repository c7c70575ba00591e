use std::{
    error::Error,
    future::{Future, poll_fn},
    io,
    iter::successors,
    pin::{Pin, pin},
    task::{Poll, ready},
};

use bytes::{Buf, BufMut, Bytes};
use http_body::Body;
use http_body_util::LengthLimitError;
use tokio::{
    task::coop,
    time::{Instant, Sleep, sleep_until},
};
use tower::BoxError;

use crate::{
    panic::{Caught, Panicked, caught},
    rejection::RejectionKind,
};

/// What is reserved for a body of more than one frame, though its bytes may never arrive.
const TRUSTED_RESERVE: usize = 16 * 1024;

/// Reads the whole body by the deadline, into memory of its own size. Frames are copied, since each
/// keeps the server's whole read buffer alive, and deliveries may live long.
///
/// A body that is shorter than its own size hint is truncated.
pub(crate) async fn collect<B>(
    body: B,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, RejectionKind>
where
    B: Body<Error: Into<BoxError>>,
{
    let timer = pin!(sleep_until(deadline));
    // The body is the user's: it may panic when it is read, and when it is dropped.
    let read = async {
        let length = body.size_hint().exact();
        let mut body = pin!(Some(body));
        let whole = body.as_mut().as_pin_mut().expect("just set");
        let read = read(whole, limit, timer).await;
        let _ = caught(|| body.set(None));
        match read {
            Ok(read) if length > Some(read.len() as u64) => Err(RejectionKind::Truncated),
            read => read,
        }
    };
    let read = Caught::new(read, ()).await;
    read.unwrap_or_else(|Panicked| Err(RejectionKind::Panicked))
}

async fn read<B>(
    mut body: Pin<&mut B>,
    limit: usize,
    mut timer: Pin<&mut Sleep>,
) -> Result<Bytes, RejectionKind>
where
    B: Body<Error: Into<BoxError>>,
{
    let mut begun = false;
    let mut all = Vec::new();

    while !body.is_end_stream() {
        let frame = poll_fn(|cx| {
            // Ask the clock first: frames that are always ready must not be read for ever. The
            // first frame is read at any time, so that what is there already can be stored.
            if begun && Instant::now() >= timer.deadline() {
                return Poll::Ready(Err(RejectionKind::Timeout));
            }
            let budget = ready!(coop::poll_proceed(cx));
            begun = true;
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
            Some(Err(error)) => return Err(kind_of(error)),
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

/// `TooLarge` if the error, or one of its sources, comes from an outer layer's limit.
fn kind_of(error: impl Into<BoxError>) -> RejectionKind {
    let error = error.into();
    let mut errors = successors(Some(&*error as &(dyn Error + 'static)), |error| {
        source(*error)
    });
    match errors.any(|error| error.is::<LengthLimitError>()) {
        true => RejectionKind::TooLarge,
        false => RejectionKind::Truncated,
    }
}

/// The error inside another. The `source()` of an [`io::Error`] skips the error that it holds.
fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let io = error.downcast_ref::<io::Error>();
    match io.and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}
