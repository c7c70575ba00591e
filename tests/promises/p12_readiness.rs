use http::StatusCode;
use tower::{Layer, Service, limit::ConcurrencyLimit};

use crate::util::{ALEGRA, Does, Handler, alegra, ms, post};

/// `Handler` panics when it is called on a clone that was not ready, which would answer 500.
#[tokio::test(start_paused = true)]
async fn p12_an_unready_clone_is_never_called() {
    let handler = Handler::new(Does::AnswerAfter(ms(10), StatusCode::OK)).ready_after(Some(ms(10)));
    let mut webhook = alegra().layer(ConcurrencyLimit::new(handler.clone(), 2));
    // Without a poll_ready before: the layer is always ready, so the contract allows it.
    let answers: Vec<_> = (0..10).map(|_| webhook.call(post(ALEGRA))).collect();
    for response in futures::future::join_all(answers).await {
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!((handler.called(), handler.finished()), (10, 10));
}
