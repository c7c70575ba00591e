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
    ALEGRA, BSALE, Broken, Does, Handler, Outcomes, SECRET, Script, Step, alegra, bsale, ms,
    paused_runtime, post, post_body, rejection, send, with_method,
};

/// What one request came to.
struct Seen {
    headers: HeaderMap,
    rejection: Option<RejectionKind>,
    called: usize,
    outcome: (OutcomeKind, Option<u16>),
}

async fn see<P, B>(layer: WebhookLayer<P>, handler: Handler, request: Request<B>) -> Seen
where
    P: Provider,
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
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
    fn has_headers(&self, expected: &[(&str, &str)]) {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(headers.collect::<Vec<_>>(), expected);
    }
}

fn handler() -> Handler {
    Handler::answers(204)
}

async fn handles<P: Provider, B: Body<Error: Into<BoxError>> + Send + 'static>(
    layer: WebhookLayer<P>,
    request: Request<B>,
) {
    see(layer, handler(), request).await.is_handled();
}

/// The layer refuses it before any handler runs, with these headers and no others.
async fn refuses<P: Provider, B: Body<Error: Into<BoxError>> + Send + 'static>(
    layer: WebhookLayer<P>,
    request: Request<B>,
    kind: RejectionKind,
    status: u16,
    headers: &[(&str, &str)],
) {
    let seen = see(layer, handler(), request).await;
    assert_eq!(seen.rejection, Some(kind));
    assert_eq!(seen.called, 0, "the handler must not run");
    assert_eq!(seen.outcome, (OutcomeKind::Rejected, Some(status)));
    seen.has_headers(headers);
}

async fn is_probe<B: Body<Error: Into<BoxError>> + Send + 'static>(request: Request<B>) {
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
        refuses(layer(), elsewhere(path), RejectionKind::NotFound, 404, &[]).await;
    }
    // Whatever else is wrong, a stranger learns nothing but 404.
    let mut request = elsewhere("/webhooks/guess");
    *request.method_mut() = Method::DELETE;
    refuses(layer(), request, RejectionKind::NotFound, 404, &[]).await;

    // 2 head
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
        let request = with_method(method, Full::<Bytes>::from(delivery));
        let allow = [("allow", "POST")];
        refuses(layer(), request, RejectionKind::Method, 405, &allow).await;
    }
    for coding in ["gzip", "identity, gzip", "x-unheard-of"] {
        let request = with_header(post(delivery), CONTENT_ENCODING, coding);
        let accept = [("accept-encoding", "identity")];
        refuses(layer(), request, RejectionKind::Encoding, 415, &accept).await;
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
        handles(
            layer(),
            with_header(post(delivery), CONTENT_ENCODING, coding),
        )
        .await;
    }
    let too_long = (limit + 1).to_string();
    let unread = post_body(Script::new([Step::Hang]));
    let unread = with_header(unread, CONTENT_LENGTH, &too_long);
    refuses(layer(), unread, RejectionKind::TooLarge, 413, &[]).await;
    // The body's own hint is exact, so it is read. It has fewer bytes than announced.
    let announced = with_header(post(delivery), CONTENT_LENGTH, &too_long);
    refuses(layer(), announced, RejectionKind::Truncated, 400, &[]).await;
    // Without a meaning beside `Transfer-Encoding`.
    let chunked = with_header(post(delivery), CONTENT_LENGTH, &too_long);
    handles(layer(), with_header(chunked, TRANSFER_ENCODING, "chunked")).await;
    let large = post(vec![b' '; limit + 1]);
    refuses(layer(), large, RejectionKind::TooLarge, 413, &[]).await;

    // 3 body
    let half = Bytes::from(vec![b' '; limit / 2 + 1]);
    let twice = vec![Step::Owned(half.clone()), Step::Owned(half), Step::Hang];
    let slow = vec![Step::Data(b"{"), Step::Hang];
    let broken = vec![Step::Data(b"{"), Step::Break];
    for (steps, kind, status) in [
        (twice, RejectionKind::TooLarge, 413),
        (slow, RejectionKind::Timeout, 408),
        (broken, RejectionKind::Truncated, 400),
    ] {
        refuses(layer(), post_body(Script::new(steps)), kind, status, &[]).await;
    }
    // Announced and not sent: nothing of it, half of it, or all but the last byte.
    let all = delivery.len().to_string();
    for sent in [0, delivery.len() / 2, delivery.len() - 1] {
        let steps = [Step::Data(&delivery.as_bytes()[..sent])];
        let short = with_header(post_body(Script::new(steps)), CONTENT_LENGTH, &all);
        refuses(layer(), short, RejectionKind::Truncated, 400, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_half_its_own_size_is_truncated() {
    let half = Script::new([Step::Data(ALEGRA.as_bytes())]).of_size(ALEGRA.len() * 2);
    refuses(
        alegra(),
        post_body(half),
        RejectionKind::Truncated,
        400,
        &[],
    )
    .await;
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
    refuses(alegra(), post_body(limited()), too_large, 413, &[]).await;
    refuses(alegra(), post_body(once()), too_large, 413, &[]).await;
    refuses(alegra(), post_body(twice()), too_large, 413, &[]).await;
    // An `io::Error` does not give what it holds as its source.
    let io = || limited().map_err(io::Error::other);
    refuses(alegra(), post_body(io()), too_large, 413, &[]).await;
    let in_io = once().map_err(io::Error::other).map_err(axum::Error::new);
    refuses(alegra(), post_body(in_io), too_large, 413, &[]).await;
    // Another error of the body that it limits.
    let broken = Limited::new(Script::new([Step::Break]), 8).map_err(Wrapped);
    refuses(
        alegra(),
        post_body(broken),
        RejectionKind::Truncated,
        400,
        &[],
    )
    .await;
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
        refuses(layer(), request, RejectionKind::Malformed, 400, &[]).await;
    }
    let unknown = r#"{"subject":"new-thing","topic":"thing","message":"text"}"#;
    handles(layer(), post(unknown)).await;

    // 5 admit
    let retry = [("retry-after", "5")];
    let full = layer().max_in_flight(1);
    let hung = Handler::new(Does::Never);
    let holder = tokio::spawn(full.layer(hung.clone()).oneshot(post(delivery)));
    while hung.called() == 0 {
        yield_now().await;
    }
    refuses(full, post(delivery), RejectionKind::Busy, 503, &retry).await;
    holder.abort();
    let unready = see(layer(), handler().ready_after(None), post(delivery)).await;
    assert_eq!(
        (unready.rejection, unready.called),
        (Some(RejectionKind::Busy), 0)
    );
    assert_eq!(unready.outcome, (OutcomeKind::Rejected, Some(503)));
    unready.has_headers(&retry);
    let draining = layer();
    assert_eq!(draining.background().drain(ms(0)).await, 0);
    let kind = RejectionKind::Draining;
    refuses(draining, post(delivery), kind, 503, &retry).await;

    // 6 run
    let run = async |does| see(layer(), Handler::new(does), post(delivery)).await;
    for status in [200, 202, 204, 302, 404, 500, 503] {
        let seen = run(Does::Answer(status)).await;
        let kind = match status {
            200..300 => OutcomeKind::Handled,
            _ => OutcomeKind::Failed,
        };
        assert_eq!(seen.outcome, (kind, Some(status)), "passed through");
        assert_eq!(
            seen.rejection, None,
            "the handler's own answer is no refusal"
        );
    }
    let failed = run(Does::Fail).await;
    assert_eq!(
        (failed.called, failed.outcome),
        (1, (OutcomeKind::Failed, None))
    );
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
    assert_eq!(
        (refused.rejection, refused.called),
        (Some(RejectionKind::Late), 1)
    );
    refused.has_headers(&retry);
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
        "", " ", "\r\n\t ", "{}", " { } ", "null", "[]", "[ ]\n", "\"\"",
    ] {
        is_probe(post(probe)).await;
    }
    is_probe(post_body(Empty::<Bytes>::new())).await;
    is_probe(post_body(Script::new([]))).await;
    for no_probe in [
        "n u l l", "\" \"", "{{}", "nul", "nulll", "[[]]", "\"", "{\"\":1}", "[1]",
    ] {
        refuses(alegra(), post(no_probe), RejectionKind::Malformed, 400, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bsale_has_no_probe() {
    let no_text = BSALE.replace("\"document\"", "{\"document\":null}");
    for body in ["", "{}", "null", "[]", "\"\"", &*no_text] {
        let request = post(body.to_owned());
        refuses(bsale(), request, RejectionKind::Malformed, 400, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_company_that_is_not_on_the_list_is_answered_403() {
    let layer = |company| {
        let provider = Bsale::new().companies([company]);
        WebhookLayer::new(provider, Access::path([SECRET]))
    };
    handles(layer(11420), post(BSALE)).await;
    let (stranger, kind) = (layer(11421), RejectionKind::Forbidden);
    refuses(stranger, post(BSALE), kind, 403, &[]).await;
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

/// RFC 8259 lets a reader ignore a byte order mark, and a refusal would cost a strike.
#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_is_ignored() {
    is_probe(post("\u{feff}")).await;
    is_probe(post("\u{feff}{}")).await;
    handles(alegra(), post(format!("\u{feff}{ALEGRA}"))).await;
    handles(bsale(), post(format!("\u{feff}{BSALE}"))).await;
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
        assert_eq!(
            (seen.rejection, seen.called),
            (Some(RejectionKind::Panicked), 0)
        );
        assert_eq!(seen.outcome, (OutcomeKind::Failed, Some(500)));
    }
}
