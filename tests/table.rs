//! Every row of the table of answers, for both providers.

mod util;

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body::Body;
use http_body_util::{Empty, Full};
use tower::{Layer, ServiceExt};
use tower_webhook::{Access, Late, OutcomeKind, Provider, RejectionKind, WebhookLayer};

use util::{
    ALEGRA, BSALE, Broken, Does, Handler, Outcomes, SECRET, Script, Step, alegra, bsale, ms, post,
    post_body, rejection, send, with_method,
};

/// What one request came to.
struct Seen {
    status: Option<u16>,
    headers: HeaderMap,
    rejection: Option<RejectionKind>,
    called: usize,
    outcome: (OutcomeKind, Option<u16>),
}

async fn see<P, B>(layer: WebhookLayer<P>, handler: Handler, request: Request<B>) -> Seen
where
    P: Provider,
    B: Body + Send + 'static,
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
            (
                Some(response.status().as_u16()),
                response.headers().clone(),
                own,
            )
        }
        Err(Broken) => (None, HeaderMap::new(), None),
    };
    assert_eq!(answered, status, "what was told is what was answered");
    Seen {
        status: answered,
        headers,
        rejection,
        called: handler.called(),
        outcome: (kind, status),
    }
}

impl Seen {
    /// Refused by the layer before any handler ran, with these headers and no others.
    #[track_caller]
    fn is_refused(&self, kind: RejectionKind, status: u16, headers: &[(&str, &str)]) {
        assert_eq!(self.rejection, Some(kind));
        assert_eq!(self.status, Some(status));
        assert_eq!(self.called, 0, "the handler must not run");
        assert_eq!(self.outcome, (OutcomeKind::Rejected, Some(status)));
        let own: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(own, headers);
    }

    #[track_caller]
    fn is_probe(&self) {
        assert_eq!(self.rejection, None);
        assert_eq!(self.called, 0, "a probe is no delivery");
        assert_eq!(self.outcome, (OutcomeKind::Probe, Some(200)));
        assert!(self.headers.is_empty());
    }

    #[track_caller]
    fn is_handled(&self) {
        assert_eq!(self.called, 1);
        assert_eq!(self.rejection, None);
        assert_eq!(self.outcome, (OutcomeKind::Handled, Some(204)));
    }
}

fn handler() -> Handler {
    Handler::new(Does::Answer(StatusCode::NO_CONTENT))
}

/// The rows that both providers share.
async fn shared_rows<P: Provider>(
    layer: fn() -> WebhookLayer<P>,
    limit: usize,
    delivery: &'static str,
    late: u16,
) {
    // 1 access
    let elsewhere = |path: &str| {
        let mut request = post(delivery);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    for path in [
        "/",
        "/webhooks/",
        "/webhooks/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a11",
    ] {
        see(layer(), handler(), elsewhere(path)).await.is_refused(
            RejectionKind::NotFound,
            404,
            &[],
        );
    }
    // Whatever else is wrong, a stranger learns nothing but 404.
    let mut request = elsewhere("/webhooks/guess");
    *request.method_mut() = Method::DELETE;
    see(layer(), handler(), request)
        .await
        .is_refused(RejectionKind::NotFound, 404, &[]);

    // 2 head
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
        see(
            layer(),
            handler(),
            with_method(method, Full::<Bytes>::from(delivery)),
        )
        .await
        .is_refused(RejectionKind::Method, 405, &[("allow", "POST")]);
    }
    for coding in ["gzip", "identity, gzip", "x-unheard-of"] {
        let mut request = post(delivery);
        let value = coding.parse().unwrap();
        request
            .headers_mut()
            .insert(header::CONTENT_ENCODING, value);
        see(layer(), handler(), request).await.is_refused(
            RejectionKind::Encoding,
            415,
            &[("accept-encoding", "identity")],
        );
    }
    let mut request = post(delivery);
    let identity = "Identity".parse().unwrap();
    request
        .headers_mut()
        .insert(header::CONTENT_ENCODING, identity);
    see(layer(), handler(), request).await.is_handled();

    let mut request = post_body(Script::new([Step::Hang]));
    let length = (limit + 1).to_string().parse().unwrap();
    request.headers_mut().insert(header::CONTENT_LENGTH, length);
    see(layer(), handler(), request)
        .await
        .is_refused(RejectionKind::TooLarge, 413, &[]);
    let mut request = post(delivery);
    let length = (limit + 1).to_string().parse().unwrap();
    request.headers_mut().insert(header::CONTENT_LENGTH, length);
    see(layer(), handler(), request).await.is_handled();
    see(layer(), handler(), post(vec![b' '; limit + 1]))
        .await
        .is_refused(RejectionKind::TooLarge, 413, &[]);

    // 3 body
    let body = |steps: Vec<Step>| post_body(Script::new(steps));
    let half = Bytes::from(vec![b' '; limit / 2 + 1]);
    let twice = vec![Step::Owned(half.clone()), Step::Owned(half), Step::Hang];
    see(layer(), handler(), body(twice))
        .await
        .is_refused(RejectionKind::TooLarge, 413, &[]);
    see(layer(), handler(), body(vec![Step::Data(b"{"), Step::Hang]))
        .await
        .is_refused(RejectionKind::Timeout, 408, &[]);
    see(
        layer(),
        handler(),
        body(vec![Step::Data(b"{"), Step::Break]),
    )
    .await
    .is_refused(RejectionKind::Truncated, 400, &[]);

    // 4 receive
    let deep = format!(
        "{}{}",
        r#"{"a":"#.repeat(128),
        "1".to_owned() + &"}".repeat(128)
    );
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
        see(layer(), handler(), post(malformed.to_vec()))
            .await
            .is_refused(RejectionKind::Malformed, 400, &[]);
    }
    let unknown = r#"{"subject":"new-thing","topic":"thing","message":"text"}"#;
    see(layer(), handler(), post(unknown)).await.is_handled();

    // 5 admit
    let busy = [("retry-after", "5")];
    let full = layer().max_in_flight(1);
    let hung = Handler::new(Does::Never);
    let holder = tokio::spawn(full.layer(hung.clone()).oneshot(post(delivery)));
    while hung.called() == 0 {
        tokio::task::yield_now().await;
    }
    see(full, handler(), post(delivery))
        .await
        .is_refused(RejectionKind::Busy, 503, &busy);
    holder.abort();
    see(layer(), handler().ready_after(None), post(delivery))
        .await
        .is_refused(RejectionKind::Busy, 503, &busy);
    let draining = layer();
    assert_eq!(draining.background().drain(ms(0)).await, 0);
    see(draining, handler(), post(delivery))
        .await
        .is_refused(RejectionKind::Draining, 503, &busy);

    // 6 run
    for status in [200, 202, 204] {
        let status = StatusCode::from_u16(status).unwrap();
        let seen = see(layer(), Handler::new(Does::Answer(status)), post(delivery)).await;
        assert_eq!(seen.status, Some(status.as_u16()));
        assert_eq!(seen.outcome.0, OutcomeKind::Handled);
    }
    for status in [302, 404, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let seen = see(layer(), Handler::new(Does::Answer(status)), post(delivery)).await;
        assert_eq!(seen.status, Some(status.as_u16()), "passed through");
        assert_eq!(
            seen.rejection, None,
            "the handler's own answer is no refusal"
        );
        assert_eq!(seen.outcome.0, OutcomeKind::Failed);
    }
    let failed = see(layer(), Handler::new(Does::Fail), post(delivery)).await;
    assert_eq!((failed.status, failed.called), (None, 1));
    assert_eq!(failed.outcome, (OutcomeKind::Failed, None));
    for does in [Does::PanicInCall, Does::PanicAfter(ms(1))] {
        let panicked = see(layer(), Handler::new(does), post(delivery)).await;
        assert_eq!(panicked.rejection, Some(RejectionKind::Panicked));
        assert_eq!(panicked.outcome, (OutcomeKind::Failed, Some(500)));
        assert!(panicked.headers.is_empty());
    }
    let accepted = see(layer(), Handler::new(Does::Never), post(delivery)).await;
    assert_eq!(accepted.outcome, (OutcomeKind::Late, Some(late)));
    assert_eq!((accepted.rejection, accepted.called), (None, 1));
    assert!(accepted.headers.is_empty());
    let refused = see(
        layer().late(Late::Refuse),
        Handler::new(Does::Never),
        post(delivery),
    )
    .await;
    assert_eq!(refused.outcome, (OutcomeKind::Late, Some(503)));
    assert_eq!(
        (refused.rejection, refused.called),
        (Some(RejectionKind::Late), 1)
    );
    assert_eq!(refused.headers[header::RETRY_AFTER], "5");
}

#[tokio::test(start_paused = true)]
async fn alegra_answers_as_the_table_says() {
    shared_rows(alegra, 1024 * 1024, ALEGRA, 202).await;
}

#[tokio::test(start_paused = true)]
async fn bsale_answers_as_the_table_says() {
    shared_rows(bsale, 64 * 1024, BSALE, 200).await;
}

#[tokio::test(start_paused = true)]
async fn alegra_s_probes_are_answered_200() {
    for probe in [
        "", " ", "\r\n\t ", "{}", " { } ", "null", "[]", "[ ]\n", "\"\"",
    ] {
        see(alegra(), handler(), post(probe)).await.is_probe();
    }
    see(alegra(), handler(), post_body(Empty::<Bytes>::new()))
        .await
        .is_probe();
    let chunked_empty = Script::new([]);
    see(alegra(), handler(), post_body(chunked_empty))
        .await
        .is_probe();
    for no_probe in [
        "n u l l", "\" \"", "{{}", "nul", "nulll", "[[]]", "\"", "{\"\":1}", "[1]",
    ] {
        see(alegra(), handler(), post(no_probe)).await.is_refused(
            RejectionKind::Malformed,
            400,
            &[],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn bsale_has_no_probe() {
    let no_text = BSALE.replace("\"document\"", "{\"document\":null}");
    for body in ["", "{}", "null", "[]", "\"\"", &*no_text] {
        see(bsale(), handler(), post(body.to_owned()))
            .await
            .is_refused(RejectionKind::Malformed, 400, &[]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_company_that_is_not_on_the_list_is_answered_403() {
    let layer = |company| {
        let provider = tower_webhook::bsale::Bsale::new().companies([company]);
        WebhookLayer::new(provider, Access::path([SECRET]))
    };
    see(layer(11420), handler(), post(BSALE)).await.is_handled();
    see(layer(11421), handler(), post(BSALE))
        .await
        .is_refused(RejectionKind::Forbidden, 403, &[]);
}

#[test]
fn a_runtime_that_stops_cuts_off_with_503_and_never_a_2xx() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let hung = Handler::new(Does::Never);
    let mut answer = layer.layer(hung.clone()).oneshot(post(ALEGRA)).boxed();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let poll = |answer: &mut BoxFuture<'_, _>| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        answer.as_mut().poll(&mut cx)
    };
    runtime.block_on(async {
        while hung.called() == 0 {
            assert!(poll(&mut answer).is_pending());
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);

    let std::task::Poll::Ready(Ok(response)) = poll(&mut answer) else {
        panic!("the handler is gone, so there is an answer");
    };
    assert_eq!(response.status(), 503);
    assert_eq!(rejection(&response), Some(RejectionKind::Interrupted));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(503), false)]);
    assert_eq!(layer.background().in_flight(), 0);
}

/// RFC 8259 lets a reader pass over a byte order mark, and a refusal would cost a strike.
#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_is_passed_over() {
    see(alegra(), handler(), post("\u{feff}")).await.is_probe();
    see(alegra(), handler(), post("\u{feff}{}"))
        .await
        .is_probe();
    see(alegra(), handler(), post(format!("\u{feff}{ALEGRA}")))
        .await
        .is_handled();
    see(bsale(), handler(), post(format!("\u{feff}{BSALE}")))
        .await
        .is_handled();
}

/// Not only the handler's panics: the provider's code and the closure of `Access::by` are not ours
/// either.
#[tokio::test(start_paused = true)]
async fn code_that_panics_before_the_handler_is_answered_500() {
    let access = Access::by(|_| -> bool { panic!("no access today") });
    let by_access = WebhookLayer::new(tower_webhook::alegra::Alegra::new(), access);
    let companies = tower_webhook::bsale::Bsale::new().companies_by(|_| panic!("no list today"));
    let by_provider = WebhookLayer::new(companies, Access::path([SECRET]));
    for seen in [
        see(by_access, handler(), post(ALEGRA)).await,
        see(by_provider, handler(), post(BSALE)).await,
        see(alegra(), handler().panics_when_asked(), post(ALEGRA)).await,
    ] {
        assert_eq!(seen.rejection, Some(RejectionKind::Panicked));
        assert_eq!(seen.outcome, (OutcomeKind::Failed, Some(500)));
        assert_eq!(seen.called, 0);
    }
}
