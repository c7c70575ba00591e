//! P4: what a body costs in memory, whatever its framing. It needs a process of its own because it
//! counts every byte that the process has.

#[path = "it/util/mod.rs"]
#[allow(dead_code, unused_imports, reason = "this test needs a part of it")]
mod util;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use peak_alloc::PeakAlloc;
use tower::{Layer, Service, service_fn};
use tower_webhook::{Access, Provider, Received, RequestBody, Rules, WebhookLayer};

use util::{Other, custom, delivered, ok, post_body};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Decodes nothing, so that only reading and replaying the body is counted.
fn raw() -> WebhookLayer<impl Provider> {
    let rules = Rules::new("raw").deadline(Duration::from_secs(600));
    let provider = custom(rules, |_| Ok(Received::event(Other(()))));
    WebhookLayer::new(provider, Access::open())
}

/// Makes each frame when it is polled, like a socket.
struct Frames {
    left: usize,
    sizes: std::iter::Cycle<std::slice::Iter<'static, usize>>,
    hint: Option<u64>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.sizes.next().copied().unwrap_or(1).min(self.left);
        self.left -= size;
        Poll::Ready(Some(Ok(Frame::data(vec![b' '; size].into()))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let mut hint = http_body::SizeHint::new();
        if let Some(lower) = self.hint {
            hint.set_lower(lower);
        }
        hint
    }
}

/// The peak of the memory that one request allocates.
async fn peak(limit: usize, body: Frames, status: u16) -> usize {
    let inner = service_fn(async |request: Request<RequestBody>| {
        // The handler reads the body and so holds it a second time.
        let whole = request.into_body().collect().await.unwrap().to_bytes();
        assert!(whole.iter().all(|byte| *byte == b' '));
        ok(Request::default()).await
    });
    let mut webhook = raw().body_limit(limit).layer(inner);
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let response = webhook.call(post_body(body)).await.unwrap();
    assert_eq!(response.status(), status);
    ALLOCATOR.peak_usage() - before
}

/// The memory that stays allocated when the handler keeps the raw body.
async fn kept(body: Frames) -> usize {
    let before = ALLOCATOR.current_usage();
    let raw = {
        let (status, delivery) = delivered(&raw(), post_body(body)).await;
        assert_eq!(status, 204);
        delivery.expect("the handler ran").raw().clone()
    };
    let kept = ALLOCATOR.current_usage().saturating_sub(before);
    drop(raw);
    kept
}

#[tokio::test]
async fn a_body_costs_at_most_twice_its_limit() {
    const FRAMINGS: [&[usize]; 7] = [
        &[usize::MAX],
        &[1, usize::MAX],
        &[1],
        &[1000, 24_000],
        &[16 * 1024],
        &[64 * 1024],
        &[0, 3],
    ];
    for limit in [1, 1000, 64 * 1024, 100_000, 1024 * 1024] {
        let bound = 2 * limit + 64 * 1024;
        for sizes in FRAMINGS {
            for (len, status) in [(limit, 204), (limit / 2 + 1, 204), (limit + 1, 413)] {
                let frames = || Frames {
                    left: len,
                    sizes: sizes.iter().cycle(),
                    hint: None,
                };
                let cost = peak(limit, frames(), status).await;
                assert!(
                    cost <= bound,
                    "{cost} > {bound}: {len} in {sizes:?}, limit {limit}"
                );
            }
        }
        // A body that announces the limit and sends two bytes gets no memory for what it announced.
        let liar = Frames {
            left: 2,
            sizes: [1].iter().cycle(),
            hint: Some(limit as u64),
        };
        let cost = peak(limit, liar, if limit == 1 { 413 } else { 204 }).await;
        assert!(cost <= 32 * 1024, "{cost} for an announced length");
    }
    // A body that is kept keeps no more memory than its size, whatever its framing.
    for sizes in FRAMINGS {
        let cost = kept(Frames {
            left: 57,
            sizes: sizes.iter().cycle(),
            hint: None,
        });
        let cost = cost.await;
        assert!(cost <= 1024, "{cost} for 57 bytes in {sizes:?}");
    }
    #[cfg(feature = "signed")]
    strangers_leave_nothing().await;
}

/// Whatever strangers send, with ever new ids, kinds and bodies, the layer remembers none of it.
#[cfg(feature = "signed")]
async fn strangers_leave_nothing() {
    use tower_webhook::{RawJson, github::GitHub, signature::Key};

    let key = Key::text("a key").expect("a key");
    let layer = WebhookLayer::new(GitHub::<RawJson>::new(key), Access::open());
    let mut webhook = layer.layer(service_fn(ok));
    let mut sent = 0;
    let mut send = async |requests: usize| {
        for _ in 0..requests {
            sent += 1;
            let mut request = util::post(format!("{{\"number\":{sent}}}"));
            let headers = request.headers_mut();
            headers.insert("x-github-event", format!("kind-{sent}").parse().unwrap());
            headers.insert("x-github-delivery", format!("id-{sent}").parse().unwrap());
            headers.insert(
                "x-hub-signature-256",
                format!("sha256={sent:064x}").parse().unwrap(),
            );
            assert_eq!(webhook.call(request).await.unwrap().status(), 401);
        }
    };
    send(100).await;
    let before = ALLOCATOR.current_usage();
    send(10_000).await;
    let kept = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(
        kept <= 1024,
        "{kept} bytes after 10,000 requests of strangers"
    );
    assert_eq!(layer.strikes().refused(), 10_100);
}
