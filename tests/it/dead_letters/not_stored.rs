//! What is no delivery is not stored, and is answered as if there were no store.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body_util::Full;
use tokio::time::Instant;
use tower_webhook::{
    Access, Received, Rejection, RejectionKind, Rules, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

use crate::util::{
    ALEGRA, BSALE, Does, Handler, Keeps, Other, PANIC, SECRET, Script, Step, Store, alegra, bsale,
    custom, ms, post, post_body, rejection, send, status_of, with_method,
};

#[tokio::test(start_paused = true)]
async fn what_is_no_delivery_is_not_stored_and_waits_for_no_store() {
    let whole = || Script::new([Step::Data(ALEGRA.as_bytes())]);
    let script = |steps: [Step; 2]| post_body(Script::new(steps));
    let large = || Step::Owned(vec![b' '; 1024 * 1024].into());
    let stranger = Request::post("/webhooks/a-guess").body(whole());
    let mut compressed = post_body(whole());
    let gzip = HeaderValue::from_static("gzip");
    compressed.headers_mut().insert(CONTENT_ENCODING, gzip);
    let announced = |sent| {
        let mut request = post_body(Script::new([Step::Data(sent)]));
        let length = HeaderValue::from(ALEGRA.len());
        request.headers_mut().insert(CONTENT_LENGTH, length);
        request
    };

    let store = Store::new(Keeps::Hangs);
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::answers(204);
    for (request, status, after) in [
        (stranger.expect("a request"), 404, ms(0)),
        (with_method(Method::PATCH, Script::new([])), 405, ms(0)),
        (compressed, 415, ms(0)),
        (script([large(), large()]), 413, ms(0)),
        (script([Step::Data(b"{\"subj"), Step::Break]), 400, ms(0)),
        (script([Step::Data(b"{\"subj"), Step::Hang]), 408, ms(3000)),
        (announced(b"".as_slice()), 400, ms(0)),
        (announced(b"{\"subj"), 400, ms(0)),
        (script([Step::Data(b" "), Step::Data(b"{}")]), 200, ms(0)),
        (post_body(whole()), 204, ms(0)),
    ] {
        let start = Instant::now();
        assert_eq!(status_of(&layer, &handler, request).await, Ok(status));
        assert_eq!(start.elapsed(), after, "{status}");
    }
    assert_eq!(handler.called(), 1);

    let only_one = Bsale::new().companies([1]);
    let picky = WebhookLayer::new(only_one, Access::path([SECRET])).dead_letters(store.clone());
    let start = Instant::now();
    assert_eq!(status_of(&picky, &handler, post(BSALE)).await, Ok(403));
    for empty in ["", " \n", "\u{feff}"] {
        let all = bsale().dead_letters(store.clone());
        assert_eq!(status_of(&all, &handler, post(empty)).await, Ok(400));
    }
    assert_eq!(start.elapsed(), ms(0));
    assert!(store.calls().is_empty());
}

/// The status of the answer to a body that the provider rejects, and how many letters there are.
async fn rejected(
    reject: impl Fn() -> Rejection + Send + Sync + 'static,
    method: Method,
) -> (u16, usize) {
    let store = Store::default();
    let rules = Rules::new("strict").probe_method(Method::GET);
    let strict = custom(rules, move |_| Err::<Received<Other<()>>, _>(reject()));
    let layer = WebhookLayer::new(strict, Access::path([SECRET])).dead_letters(store.clone());
    let request = with_method(method, Full::<Bytes>::from("body"));
    let status = status_of(&layer, &Handler::answers(200), request).await;
    (status.unwrap(), store.letters().len())
}

/// A success would confirm the handshake of a probe that is wrong.
#[tokio::test(start_paused = true)]
async fn neither_a_wrong_signature_nor_a_probe_is_stored() {
    let signature = || Rejection::unauthorized("the signature is wrong");
    let malformed = || Rejection::malformed("it is neither a challenge nor an event");
    let panics = || -> Rejection { panic!("{PANIC}") };
    assert_eq!(rejected(signature, Method::POST).await, (401, 0));
    assert_eq!(rejected(malformed, Method::POST).await, (200, 1));
    assert_eq!(rejected(panics, Method::POST).await, (200, 1));
    assert_eq!(rejected(signature, Method::GET).await, (401, 0));
    assert_eq!(rejected(malformed, Method::GET).await, (400, 0));
    assert_eq!(rejected(panics, Method::GET).await, (500, 0));
}

/// Otherwise anybody could fill the store.
#[tokio::test(start_paused = true)]
async fn with_open_access_an_unreadable_body_is_not_stored() {
    let store = Store::default();
    let layer = WebhookLayer::new(Alegra::new(), Access::open()).dead_letters(store.clone());
    let fails = Handler::new(Does::Fail);
    let response = send(&layer, &fails, post("no JSON")).await;
    let why = rejection(&response.expect("an answer"));
    assert_eq!(why, Some(RejectionKind::Malformed));
    assert!(store.calls().is_empty());
    // What can be read is a delivery.
    assert_eq!(status_of(&layer, &fails, post(ALEGRA)).await, Ok(202));
    assert_eq!(store.letters().len(), 1);
}
