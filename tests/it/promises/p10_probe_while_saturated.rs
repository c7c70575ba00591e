use tokio::time::Instant;
use tower::{Layer, ServiceExt, limit::ConcurrencyLimitLayer};

use crate::util::{ALEGRA, Does, Handler, alegra, ms, post, send, status_of};

/// With every slot taken, an inner service that is not ready, or while draining.
#[tokio::test(start_paused = true)]
async fn the_probe_is_answered_at_once_while_the_application_is_saturated() {
    let layer = alegra().max_in_flight(1);
    let hung = Handler::new(Does::Never);
    send(&layer, &hung, post(ALEGRA)).await.unwrap();
    assert_eq!(layer.background().in_flight(), 1);
    let never_ready = Handler::answers(200).ready_after(None);

    let start = Instant::now();
    for probe in ["", "{}"] {
        assert_eq!(status_of(&layer, &never_ready, post(probe)).await, Ok(200));
        let limited = ConcurrencyLimitLayer::new(0).layer(hung.clone());
        let response = layer.layer(limited).oneshot(post(probe)).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    layer.background().drain(ms(0)).await;
    assert_eq!(status_of(&layer, &never_ready, post("")).await, Ok(200));
    assert_eq!(start.elapsed(), ms(0));
}
