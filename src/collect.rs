use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Poll, ready},
};

use bytes::{Buf, BufMut, Bytes};
use http_body::Body;
use tokio::{task::coop, time::Instant};

use crate::{clock, panic::caught, rejection::RejectionKind};

/// What is reserved for a second frame, though its bytes may never arrive.
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
    let mut timer = pin!(clock::sleep_until(deadline));
    let mut begun = false;
    let mut all = Vec::new();

    while !body.is_end_stream() {
        let frame = poll_fn(|cx| {
            // Ask the clock first: frames that are always ready must not be read for ever. The
            // first frame is most often the only one, so it does not need the clock.
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
            // The first frame is most often the only one. After it the space doubles, as that of a `Vec`
            // does by itself, but never past the limit.
            let doubled = match all.capacity() {
                0 => 0,
                before => (before * 2).max(TRUSTED_RESERVE),
            };
            let capacity = doubled.clamp(all.len() + more, limit);
            all.reserve_exact(capacity - all.len());
        }
        all.put(data);
    }
    Ok(all.into_boxed_slice().into())
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::poll_fn, time::Duration};

    use futures::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio::{task::yield_now, time::advance};

    use super::*;

    const LIMIT: usize = 256 * 1024;
    const D: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn copies_its_frames() {
        let frame = Bytes::from(vec![b'a'; LIMIT]);
        let whole = collect(Full::new(frame.clone()), LIMIT, Instant::now() + D).await;
        let whole = whole.expect("in time");
        assert_eq!(whole, frame);
        assert_ne!(whole.as_ptr(), frame.as_ptr());
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_first_frame_at_any_time_and_no_other() {
        let past = Instant::now();
        advance(D).await;
        let one = collect(Full::<Bytes>::from("a"), LIMIT, past).await;
        assert_eq!(one, Ok("a".into()));
        let frame = || Ok::<_, Infallible>(Frame::data(Bytes::from("a")));
        let two = StreamBody::new(stream::iter([frame(), frame()]));
        let two = collect(two, LIMIT, past).await;
        assert_eq!(two, Err(RejectionKind::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn hears_the_deadline_in_a_task_without_budget() {
        let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let mut reader = Box::pin(collect(body, LIMIT, Instant::now() + D));
        let reader = poll_fn(move |cx| {
            while let Poll::Ready(budget) = coop::poll_proceed(cx) {
                budget.made_progress();
            }
            reader.as_mut().poll(cx)
        });
        let reader = tokio::spawn(reader);
        yield_now().await;
        advance(D).await;
        assert_eq!(reader.await.expect("no panic"), Err(RejectionKind::Timeout));
    }
}
