//! Every row of the table of answers, for both providers.

use std::{error::Error, fmt, io};

use bytes::Bytes;
use futures::{FutureExt, poll};
use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING},
};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full, Limited};
use tokio::task::yield_now;
use tower::{BoxError, Layer, ServiceExt};
use tower_webhook::{
    Access, Late, OutcomeKind, Provider, RejectionKind, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

use crate::util::{
    ALEGRA, AnyBody, BSALE, Broken, Does, Handler, Outcomes, SECRET, Script, Step, alegra, bsale,
    ms, paused_runtime, post, post_body, rejection, send, with_method,
};

/// What one request came to.
struct Seen {
    headers: HeaderMap,
    rejection: Option<RejectionKind>,
    called: usize,
    outcome: (OutcomeKind, Option<u16>),
}

async fn see<P: Provider, B: AnyBody>(
    layer: WebhookLayer<P>,
    handler: Handler,
    request: Request<B>,
) -> Seen {
    let (layer, outcomes) = Outcomes::of(layer);
    let answer = send(&layer, &handler, request).await;
    let seen = outcomes.seen();
    assert_eq!(seen.len(), 1, "one outcome a request, not {seen:?}");
    let (kind, status, late_end) = seen[0];
    assert!(!late_end);
    let (answered, headers, rejection) = match answer {
        Ok(response) => {
            let own = rejection(&response);
            if own.is_some() {
                assert!(response.body().is_end_stream(), "a refusal is empty");
            }
            let status = response.status().as_u16();
            (Some(status), response.headers().clone(), own)
        }
        Err(Broken) => (None, HeaderMap::new(), None),
    };
    assert_eq!(answered, status, "the outcome has the status of the answer");
    Seen {
        headers,
        rejection,
        called: handler.called(),
        outcome: (kind, status),
    }
}

impl Seen {
    #[track_caller]
    fn is_handled(&self) {
        assert_eq!((self.called, self.rejection), (1, None));
        assert_eq!(self.outcome, (OutcomeKind::Handled, Some(204)));
    }

    #[track_caller]
    fn is_refused(&self, kind: RejectionKind) {
        let (status, headers) = refusal(kind);
        assert_eq!(self.rejection, Some(kind));
        assert_eq!(self.called, 0, "the handler must not run");
        assert_eq!(self.outcome, (OutcomeKind::Rejected, Some(status)));
        self.has_headers(headers);
    }

    #[track_caller]
    fn has_headers(&self, expected: &[(&str, &str)]) {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(headers.collect::<Vec<_>>(), expected);
    }
}

fn handler() -> Handler {
    Handler::answers(204)
}

async fn handles<P: Provider, B: AnyBody>(layer: WebhookLayer<P>, request: Request<B>) {
    see(layer, handler(), request).await.is_handled();
}

/// The status and the headers of a refusal.
fn refusal(kind: RejectionKind) -> (u16, &'static [(&'static str, &'static str)]) {
    match kind {
        RejectionKind::NotFound => (404, &[]),
        RejectionKind::Method => (405, &[("allow", "POST")]),
        RejectionKind::Encoding => (415, &[("accept-encoding", "identity")]),
        RejectionKind::TooLarge => (413, &[]),
        RejectionKind::Timeout => (408, &[]),
        RejectionKind::Truncated | RejectionKind::Malformed => (400, &[]),
        RejectionKind::Forbidden => (403, &[]),
        RejectionKind::Busy | RejectionKind::Draining => (503, &[("retry-after", "5")]),
        other => panic!("{other:?} before the handler"),
    }
}

/// The layer refuses it before any handler runs.
async fn refuses<P: Provider, B: AnyBody>(
    layer: WebhookLayer<P>,
    request: Request<B>,
    kind: RejectionKind,
) {
    see(layer, handler(), request).await.is_refused(kind);
}

async fn is_probe<B: AnyBody>(request: Request<B>) {
    let seen = see(alegra(), handler(), request).await;
    assert_eq!((seen.rejection, seen.called), (None, 0));
    assert_eq!(seen.outcome, (OutcomeKind::Probe, Some(200)));
    seen.has_headers(&[]);
}

fn with_header<B>(mut request: Request<B>, name: HeaderName, value: &str) -> Request<B> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
    request
}

/// Access, head and body.
async fn rows_before_decoding<P: Provider>(
    layer: fn() -> WebhookLayer<P>,
    limit: usize,
    delivery: &'static str,
) {
    // 1 access
    let elsewhere = |path: &str| {
        let mut request = post(delivery);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let wrong = "/webhooks/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a11";
    for path in ["/", "/webhooks/", wrong] {
        refuses(layer(), elsewhere(path), RejectionKind::NotFound).await;
    }
    // Whatever else is wrong, a stranger learns nothing but 404.
    let mut request = elsewhere("/webhooks/guess");
    *request.method_mut() = Method::DELETE;
    refuses(layer(), request, RejectionKind::NotFound).await;

    // 2 head
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
        let request = with_method(method, Full::<Bytes>::from(delivery));
        refuses(layer(), request, RejectionKind::Method).await;
    }
    for coding in ["gzip", "identity, gzip", "x-unheard-of"] {
        let request = with_header(post(delivery), CONTENT_ENCODING, coding);
        refuses(layer(), request, RejectionKind::Encoding).await;
    }
    // What is no coding is passed over, wherever it stands.
    for coding in [
        "Identity",
        "UTF-8",
        "none",
        "",
        " , utf8",
        "identity, 8bit",
        "us-ascii, 7bit",
        "ISO-8859-1, binary",
    ] {
        let request = with_header(post(delivery), CONTENT_ENCODING, coding);
        handles(layer(), request).await;
    }
    let too_long = (limit + 1).to_string();
    let unread = post_body(Script::new([Step::Hang]));
    let unread = with_header(unread, CONTENT_LENGTH, &too_long);
    refuses(layer(), unread, RejectionKind::TooLarge).await;
    // The body's own hint is exact, so it is read. It has fewer bytes than announced.
    let announced = with_header(post(delivery), CONTENT_LENGTH, &too_long);
    refuses(layer(), announced, RejectionKind::Truncated).await;
    // Without a meaning beside `Transfer-Encoding`.
    let chunked = with_header(post(delivery), CONTENT_LENGTH, &too_long);
    handles(layer(), with_header(chunked, TRANSFER_ENCODING, "chunked")).await;
    let large = post(vec![b' '; limit + 1]);
    refuses(layer(), large, RejectionKind::TooLarge).await;

    // 3 body
    let half = Bytes::from(vec![b' '; limit / 2 + 1]);
    let twice = vec![Step::Owned(half.clone()), Step::Owned(half), Step::Hang];
    let slow = vec![Step::Data(b"{"), Step::Hang];
    let broken = vec![Step::Data(b"{"), Step::Break];
    for (steps, kind) in [
        (twice, RejectionKind::TooLarge),
        (slow, RejectionKind::Timeout),
        (broken, RejectionKind::Truncated),
    ] {
        refuses(layer(), post_body(Script::new(steps)), kind).await;
    }
    // Announced and not sent: nothing of it, half of it, or all but the last byte.
    let all = delivery.len().to_string();
    for sent in [0, delivery.len() / 2, delivery.len() - 1] {
        let steps = [Step::Data(&delivery.as_bytes()[..sent])];
        let short = with_header(post_body(Script::new(steps)), CONTENT_LENGTH, &all);
        refuses(layer(), short, RejectionKind::Truncated).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_half_its_own_size_is_truncated() {
    let half = Script::new([Step::Data(ALEGRA.as_bytes())]).of_size(ALEGRA.len() * 2);
    refuses(alegra(), post_body(half), RejectionKind::Truncated).await;
}

/// The error of a body, in the error of another.
#[derive(Debug)]
struct Wrapped(BoxError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body failed")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn an_outer_limit_is_too_large_however_deep_its_error_is_wrapped() {
    let limited = || Limited::new(Script::new([Step::Data(ALEGRA.as_bytes())]), 8);
    let once = || limited().map_err(Wrapped);
    let twice = || once().map_err(|error| Wrapped(error.into()));
    let too_large = RejectionKind::TooLarge;
    refuses(alegra(), post_body(limited()), too_large).await;
    refuses(alegra(), post_body(once()), too_large).await;
    refuses(alegra(), post_body(twice()), too_large).await;
    // An `io::Error` does not give what it holds as its source.
    let io = || limited().map_err(io::Error::other);
    refuses(alegra(), post_body(io()), too_large).await;
    let in_io = once().map_err(io::Error::other).map_err(axum::Error::new);
    refuses(alegra(), post_body(in_io), too_large).await;
    // Another error of the body that it limits.
    let broken = Limited::new(Script::new([Step::Break]), 8).map_err(Wrapped);
    refuses(alegra(), post_body(broken), RejectionKind::Truncated).await;
}

/// What the provider decodes, the slot and readiness, and the handler.
async fn rows_from_decoding_on<P: Provider>(
    layer: fn() -> WebhookLayer<P>,
    delivery: &'static str,
    late: u16,
) {
    // 4 receive
    let deep = format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128));
    for malformed in [
        b"\xff\xfe".as_slice(),
        b"{\"a\"",
        b"no JSON",
        b"[1,2]",
        b"1",
        b"\"text\"",
        b"{\"a\":1}",
        b"{\"subject\":1,\"topic\":1}",
        b"{\"subject\":null,\"topic\":null}",
        b"{\"subject\":\"a\",\"topic\":\"a\",\"subject\":\"a\",\"topic\":\"a\"}",
        deep.as_bytes(),
    ] {
        let request = post(malformed.to_vec());
        refuses(layer(), request, RejectionKind::Malformed).await;
    }
    let unknown = r#"{"subject":"new-thing","topic":"thing","message":"text"}"#;
    handles(layer(), post(unknown)).await;

    // 5 admit
    let full = layer().max_in_flight(1);
    let hung = Handler::new(Does::Never);
    let holder = tokio::spawn(full.layer(hung.clone()).oneshot(post(delivery)));
    while hung.called() == 0 {
        yield_now().await;
    }
    refuses(full, post(delivery), RejectionKind::Busy).await;
    holder.abort();
    let unready = see(layer(), handler().ready_after(None), post(delivery)).await;
    unready.is_refused(RejectionKind::Busy);
    let draining = layer();
    assert_eq!(draining.background().drain(ms(0)).await, 0);
    refuses(draining, post(delivery), RejectionKind::Draining).await;

    // 6 run
    let run = async |does| see(layer(), Handler::new(does), post(delivery)).await;
    for status in [200, 202, 204, 302, 404, 500, 503] {
        let seen = run(Does::Answer(status)).await;
        let kind = match status {
            200..300 => OutcomeKind::Handled,
            _ => OutcomeKind::Failed,
        };
        assert_eq!(seen.outcome, (kind, Some(status)), "passed through");
        assert_eq!(seen.rejection, None, "its own answer is no refusal");
    }
    let failed = run(Does::Fail).await;
    assert_eq!(failed.outcome, (OutcomeKind::Failed, None));
    assert_eq!(failed.called, 1);
    for does in [Does::PanicInCall, Does::PanicAfter(ms(1))] {
        let panicked = run(does).await;
        assert_eq!(panicked.rejection, Some(RejectionKind::Panicked));
        assert_eq!(panicked.outcome, (OutcomeKind::Failed, Some(500)));
        panicked.has_headers(&[]);
    }
    let accepted = run(Does::Never).await;
    assert_eq!(accepted.outcome, (OutcomeKind::Late, Some(late)));
    assert_eq!((accepted.rejection, accepted.called), (None, 1));
    accepted.has_headers(&[]);
    let refusing = layer().late(Late::Refuse);
    let refused = see(refusing, Handler::new(Does::Never), post(delivery)).await;
    assert_eq!(refused.outcome, (OutcomeKind::Late, Some(503)));
    assert_eq!(refused.rejection, Some(RejectionKind::Late));
    assert_eq!(refused.called, 1);
    refused.has_headers(&[("retry-after", "5")]);
}

#[tokio::test(start_paused = true)]
async fn alegra_answers_as_the_table_says() {
    rows_before_decoding(alegra, 1024 * 1024, ALEGRA).await;
    rows_from_decoding_on(alegra, ALEGRA, 202).await;
}

#[tokio::test(start_paused = true)]
async fn bsale_answers_as_the_table_says() {
    rows_before_decoding(bsale, 64 * 1024, BSALE).await;
    rows_from_decoding_on(bsale, BSALE, 200).await;
}

#[tokio::test(start_paused = true)]
async fn alegra_s_probes_are_answered_200() {
    for probe in [
        "",
        " ",
        "\r\n\t ",
        "{}",
        " { } ",
        "null",
        "[]",
        "[ ]\n",
        "\"\"",
        "\u{feff}",
        "\u{feff}{}",
    ] {
        is_probe(post(probe)).await;
    }
    is_probe(post_body(Empty::<Bytes>::new())).await;
    is_probe(post_body(Script::new([]))).await;
    for no_probe in [
        "n u l l", "\" \"", "{{}", "nul", "nulll", "[[]]", "\"", "{\"\":1}", "[1]",
    ] {
        refuses(alegra(), post(no_probe), RejectionKind::Malformed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bsale_has_no_probe() {
    let no_text = BSALE.replace("\"document\"", "{\"document\":null}");
    for body in ["", "{}", "null", "[]", "\"\"", &*no_text] {
        refuses(bsale(), post(body.to_owned()), RejectionKind::Malformed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_company_that_is_not_on_the_list_is_answered_403() {
    let layer = |company| {
        let provider = Bsale::new().companies([company]);
        WebhookLayer::new(provider, Access::path([SECRET]))
    };
    handles(layer(11420), post(BSALE)).await;
    refuses(layer(11421), post(BSALE), RejectionKind::Forbidden).await;
}

#[test]
fn a_runtime_that_stops_interrupts_handlers_with_503() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let hung = Handler::new(Does::Never);
    let mut answer = Box::pin(layer.layer(hung.clone()).oneshot(post(ALEGRA)));
    let runtime = paused_runtime();
    runtime.block_on(async {
        while hung.called() == 0 {
            assert!(poll!(&mut answer).is_pending());
            yield_now().await;
        }
    });
    drop(runtime);

    let response = answer.now_or_never().expect("an answer").unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(rejection(&response), Some(RejectionKind::Interrupted));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(503), false)]);
    assert_eq!(layer.background().in_flight(), 0);
}

/// The closure of `Access::by`, the provider's code, and the inner service's readiness.
#[tokio::test(start_paused = true)]
async fn a_panic_before_the_handler_is_answered_500() {
    let access = Access::by(|_| -> bool { panic!("no access today") });
    let by_access = WebhookLayer::new(Alegra::new(), access);
    let companies = Bsale::new().companies_by(|_| panic!("no list today"));
    let by_provider = WebhookLayer::new(companies, Access::path([SECRET]));
    for seen in [
        see(by_access, handler(), post(ALEGRA)).await,
        see(by_provider, handler(), post(BSALE)).await,
        see(alegra(), handler().panics_when_asked(), post(ALEGRA)).await,
    ] {
        assert_eq!(seen.rejection, Some(RejectionKind::Panicked));
        assert_eq!(seen.called, 0);
        assert_eq!(seen.outcome, (OutcomeKind::Failed, Some(500)));
    }
}
