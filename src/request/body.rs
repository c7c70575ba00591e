use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body that the inner service gets: the bytes that arrived, again.
///
/// The layer has read the request's body already; this one is complete, in one frame, and never
/// fails, so extractors like `Bytes` and `Json<T>` still work in the handler.
#[derive(Default)]
pub struct RequestBody(Option<Arc<dyn Replayed>>);

/// Whose bytes the handler reads again. Held rather than the bytes themselves, since many a handler
/// never reads them: the first clone of [`Bytes`] allocates.
pub(crate) trait Replayed: Send + Sync {
    fn raw(&self) -> &Bytes;
}

impl RequestBody {
    pub(crate) fn of(delivery: Arc<dyn Replayed>) -> Self {
        Self((!delivery.raw().is_empty()).then_some(delivery))
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |delivery| delivery.raw().len())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let delivery = self.0.take();
        Poll::Ready(delivery.map(|delivery| Ok(Frame::data(delivery.raw().clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("len", &self.len())
            .finish()
    }
}
