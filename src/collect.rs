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

/// The most that is reserved before the bytes have arrived.
const TRUSTED_RESERVE: usize = 16 * 1024;

/// A single frame of up to this size is copied: a frame keeps the server's whole read buffer alive,
/// and deliveries may live long.
const COPIED_OUT: usize = 64 * 1024;

/// Reads the whole body by the deadline, into memory of its own size.
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
    let mut first = Bytes::new();
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
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        let more = data.remaining();
        if more > limit - first.len() - all.len() {
            return Err(RejectionKind::TooLarge);
        }
        if more == 0 {
            continue;
        }
        if first.is_empty() && all.is_empty() {
            first = data.copy_to_bytes(more);
            continue;
        }
        if all.is_empty() {
            all.reserve_exact((first.len() + more).max(TRUSTED_RESERVE.min(limit)));
            all.put(mem::take(&mut first));
        } else if all.capacity() - all.len() < more {
            // Doubles, as a `Vec` does by itself, but never past the limit.
            let capacity = (all.capacity() * 2).clamp(all.len() + more, limit);
            all.reserve_exact(capacity - all.len());
        }
        all.put(data);
    }

    if !all.is_empty() {
        Ok(Bytes::from(all.into_boxed_slice()))
    } else if first.len() <= COPIED_OUT {
        Ok(Bytes::copy_from_slice(&first))
    } else {
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, pin::Pin, task::Context, time::Duration};

    use http::HeaderMap;
    use http_body::Frame;
    use tokio::{
        task::yield_now,
        time::{Sleep, advance, sleep},
    };

    use super::*;

    const LIMIT: usize = 256 * 1024;
    const D: Duration = Duration::from_secs(3);

    enum Next {
        Data(Bytes),
        Trailers,
        Error,
        Wait(Pin<Box<Sleep>>),
        /// Empty frames, for ever.
        Endless,
    }

    fn data(bytes: impl Into<Bytes>) -> Next {
        Next::Data(bytes.into())
    }

    fn wait(span: Duration) -> Next {
        Next::Wait(Box::pin(sleep(span)))
    }

    /// A body that knows its end only when it is polled for it.
    struct Frames(VecDeque<Next>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = ();

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
            if let Some(Next::Wait(timer)) = self.0.front_mut() {
                ready!(timer.as_mut().poll(cx));
                self.0.pop_front();
            }
            let frame = match self.0.front() {
                None => return Poll::Ready(None),
                Some(Next::Endless) => return Poll::Ready(Some(Ok(Frame::data(Bytes::new())))),
                Some(Next::Data(bytes)) => Ok(Frame::data(bytes.clone())),
                Some(Next::Trailers) => Ok(Frame::trailers(HeaderMap::new())),
                Some(Next::Error) => Err(()),
                Some(Next::Wait(_)) => unreachable!("two waits in a row"),
            };
            self.0.pop_front();
            Poll::Ready(Some(frame))
        }
    }

    /// Reads the frames; the deadline counts from this call.
    fn read(
        frames: impl IntoIterator<Item = Next>,
    ) -> impl Future<Output = Result<Bytes, RejectionKind>> {
        let body = Frames(frames.into_iter().collect());
        collect(body, LIMIT, Instant::now() + D)
    }

    #[tokio::test(start_paused = true)]
    async fn joins_frames_and_ignores_empty_ones_and_trailers() {
        let frames = [
            data(""),
            data("one "),
            data(""),
            data("two"),
            Next::Trailers,
        ];
        assert_eq!(read(frames).await, Ok("one two".into()));
        assert_eq!(read([]).await, Ok(Bytes::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_poll_a_body_that_has_ended() {
        struct Ended;

        impl Body for Ended {
            type Data = Bytes;
            type Error = ();

            fn poll_frame(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
                panic!("polled after its end")
            }

            fn is_end_stream(&self) -> bool {
                true
            }
        }

        assert_eq!(
            collect(Ended, LIMIT, Instant::now()).await,
            Ok(Bytes::new())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn rejects_what_is_over_the_limit_or_broken() {
        let half = || data(vec![b'a'; LIMIT / 2]);
        assert_eq!(read([half(), half()]).await.map(|all| all.len()), Ok(LIMIT));
        let over = read([half(), half(), data("a")]).await;
        assert_eq!(over, Err(RejectionKind::TooLarge));
        let broken = read([data("a"), Next::Error]).await;
        assert_eq!(broken, Err(RejectionKind::Truncated));
    }

    #[tokio::test(start_paused = true)]
    async fn copies_small_frames_and_keeps_large_ones() {
        for (len, copied) in [(COPIED_OUT, true), (COPIED_OUT + 1, false)] {
            let frame = Bytes::from(vec![b'a'; len]);
            let whole = read([data(frame.clone())]).await.expect("in time");
            assert_eq!(whole, frame);
            assert_eq!(whole.as_ptr() != frame.as_ptr(), copied, "{len} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_wins_over_a_frame_that_comes_with_it() {
        let just_before = D - Duration::from_millis(1);
        let in_time = read([wait(just_before), data("a")]).await;
        assert_eq!(in_time, Ok("a".into()));
        for span in [D, Duration::MAX] {
            let started = Instant::now();
            let late = read([wait(span), data("a")]).await;
            assert_eq!(late, Err(RejectionKind::Timeout));
            assert_eq!(started.elapsed(), D);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_first_frame_whatever_the_time_and_no_other() {
        let past = Instant::now();
        advance(D).await;
        let read = async |frames: Vec<Next>| collect(Frames(frames.into()), LIMIT, past).await;
        assert_eq!(read(vec![]).await, Ok(Bytes::new()));
        assert_eq!(read(vec![data("a")]).await, Err(RejectionKind::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_are_always_ready_end_at_the_deadline() {
        let reader = tokio::spawn(read([Next::Endless]));
        // This comes back only if the reader yields.
        yield_now().await;
        advance(D).await;
        assert_eq!(reader.await.expect("no panic"), Err(RejectionKind::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn hears_the_deadline_in_a_task_without_budget() {
        for frames in [vec![Next::Endless], vec![wait(Duration::MAX)]] {
            let mut reader = Box::pin(read(frames));
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
}
