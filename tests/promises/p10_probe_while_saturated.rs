use http::StatusCode;
use tokio::time::Instant;
use tower::{Layer, limit::ConcurrencyLimitLayer};

use crate::util::{ALEGRA, Does, Handler, alegra, ms, post, send};

/// Every slot taken, the inner service not ready, draining: the probe is answered, and at once.
#[tokio::test(start_paused = true)]
async fn p10_the_probe_is_answered_while_the_application_is_saturated() {
    let layer = alegra().max_in_flight(1);
    let hung = Handler::new(Does::Never).ready_after(Some(ms(0)));
    send(&layer, &hung, post(ALEGRA)).await.unwrap();
    assert_eq!(layer.background().in_flight(), 1);
    let never_ready = Handler::new(Does::Answer(StatusCode::OK)).ready_after(None);

    let start = Instant::now();
    for probe in ["", "{}"] {
        let response = send(&layer, &never_ready, post(probe)).await.unwrap();
        assert_eq!(response.status(), 200);
        let limited = ConcurrencyLimitLayer::new(0).layer(hung.clone());
        let response = tower::ServiceExt::oneshot(layer.layer(limited), post(probe)).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    layer.background().drain(ms(0)).await;
    let response = send(&layer, &never_ready, post("")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(start.elapsed(), ms(0));
}
