//! What `verify` may say, and what comes of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Method, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use tower_webhook::{
    Access, Incoming, LetterReason, OutcomeKind, Provider, Received, Rejection, RejectionKind,
    Rules, Verified, WebhookLayer,
};

use crate::util::{
    Handler, Other, Outcomes, SECRET, Script, Step, Store, custom, ms, post, post_body, rejection,
    send, status_of, text, with_method,
};

/// Verifies as the body says. Decodes nothing but `event`.
struct Says {
    decoded: Arc<AtomicUsize>,
    rules: Rules,
}

impl Provider for Says {
    type Event = Other<()>;

    fn rules(&self) -> Rules {
        self.rules.clone()
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        let said = request.body();
        if said.starts_with(b"down") {
            return Err(Rejection::unavailable("the database of keys is down"));
        }
        if said.starts_with(b"hangs") {
            std::future::pending::<()>().await;
        }
        if said.starts_with(b"panics") {
            panic!("{}", crate::util::PANIC);
        }
        match said.starts_with(b"signed") {
            true => Ok(Verified::signed_by("shop-1")),
            false => Err(Rejection::unauthorized("the signature is wrong")),
        }
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Other<()>>, Rejection> {
        self.decoded.fetch_add(1, Ordering::SeqCst);
        match request.body().ends_with(b"event") {
            true => Ok(Received::event(Other(()))),
            false => Err(Rejection::malformed("the body is no event")),
        }
    }
}

fn says(access: Access) -> (WebhookLayer<Says>, Store) {
    let store = Store::default();
    let provider = Says {
        decoded: Arc::default(),
        rules: Rules::new("says").strikes(10),
    };
    let layer = WebhookLayer::new(provider, access).dead_letters(store.clone());
    (layer, store)
}

#[tokio::test]
async fn what_is_refused_by_verify_is_never_decoded() {
    let provider = Says {
        decoded: Arc::default(),
        rules: Rules::new("says"),
    };
    let decoded = Arc::clone(&provider.decoded);
    let layer = WebhookLayer::new(provider, Access::open());
    let handler = Handler::answers(204);
    for (body, status) in [
        ("wrong event", 401),
        ("down event", 503),
        ("signed event", 204),
    ] {
        assert_eq!(status_of(&layer, &handler, post(body)).await, Ok(status));
    }
    assert_eq!(decoded.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_verified_is_answered_503_by_the_deadline() {
    let (layer, outcomes) = Outcomes::of(says(Access::open()).0.deadline(ms(300)));
    let handler = Handler::answers(204);
    for body in ["down", "hangs"] {
        let start = tokio::time::Instant::now();
        let response = send(&layer, &handler, post(body)).await.unwrap();
        assert_eq!(rejection(&response), Some(RejectionKind::Unavailable));
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(start.elapsed(), ms(if body == "hangs" { 300 } else { 0 }));
    }
    let kinds: Vec<_> = outcomes.all().iter().map(|told| told.kind()).collect();
    assert_eq!(kinds, [OutcomeKind::Failed; 2]);
    assert_eq!(layer.strikes().worst().map(|worst| worst.count()), Some(2));
    assert_eq!(layer.strikes().refused(), 0);
}

#[tokio::test]
async fn only_what_is_proven_is_stored() {
    crate::util::quiet_panics();
    let stored = async |access: Access, body: &'static str| {
        let (layer, store) = says(access);
        let answered = status_of(&layer, &Handler::answers(204), post(body)).await;
        let letters = store.letters();
        let reason = letters.first().map(|letter| letter.reason());
        (answered.unwrap(), reason, layer.strikes().refused())
    };
    // Nobody has proven anything.
    for (body, status, refused) in [("wrong", 401, 1), ("down", 503, 0), ("panics", 500, 1)] {
        assert_eq!(
            stored(Access::open(), body).await,
            (status, None, refused),
            "{body}"
        );
    }
    // The signature held.
    let malformed = (200, Some(LetterReason::Malformed), 0);
    assert_eq!(stored(Access::open(), "signed").await, malformed);
    // A secret without a label proves no tenant, and one of another tenant proves that one.
    assert_eq!(stored(Access::path([SECRET]), "signed").await, malformed);
    let other = Access::path([("shop-2", SECRET)]);
    assert_eq!(stored(other, "signed").await, (401, None, 0));
}

#[tokio::test]
async fn what_was_not_verified_is_never_stored_since_a_replay_is_not_verified() {
    let access = Access::path([("shop-1", SECRET)]);
    let (layer, store) = says(access);
    let handler = Handler::answers(204);
    crate::util::quiet_panics();
    for (body, status) in [("wrong", 401), ("down", 503), ("panics", 500)] {
        assert_eq!(status_of(&layer, &handler, post(body)).await, Ok(status));
    }
    assert!(store.calls().is_empty());
    // Behind the right secret it is the provider's: a key was changed.
    assert_eq!(layer.strikes().refused(), 0);
    assert_eq!(layer.strikes().worst().map(|worst| worst.count()), Some(3));
    assert_eq!(status_of(&layer, &handler, post("signed")).await, Ok(200));
    assert_eq!(store.only().reason(), LetterReason::Malformed);
    assert_eq!(handler.called(), 0);
}

/// The body comes at once, or after most of the deadline.
#[tokio::test(start_paused = true)]
async fn a_stranger_who_is_slow_is_no_database_that_is_down() {
    for (delay, kind, strikes, refused) in [
        (ms(100), RejectionKind::Unavailable, 1, 0),
        (ms(200), RejectionKind::Timeout, 0, 1),
    ] {
        let layer = says(Access::open()).0.deadline(ms(300));
        let body = Script::new([Step::Wait(delay), Step::Data(b"hangs")]);
        let request = post_body(body);
        let response = send(&layer, &Handler::answers(204), request).await.unwrap();
        assert_eq!(rejection(&response), Some(kind));
        let worst = layer.strikes().worst().map_or(0, |worst| worst.count());
        assert_eq!((worst, layer.strikes().refused()), (strikes, refused));
    }
}

#[tokio::test]
async fn the_tenant_so_far_is_known_to_verify() {
    struct Tenants;

    impl Provider for Tenants {
        type Event = Other<()>;

        fn rules(&self) -> Rules {
            Rules::new("tenants")
        }

        async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
            match request.tenant() {
                Some("shop-1") => Ok(Verified::signed()),
                _ => Err(Rejection::unauthorized("the tenant is unknown")),
            }
        }

        fn decode(&self, request: &Incoming<'_>) -> Result<Received<Other<()>>, Rejection> {
            assert_eq!(request.tenant(), Some("shop-1"));
            Ok(Received::event(Other(())))
        }
    }

    let layer = WebhookLayer::new(Tenants, Access::path([("shop-1", SECRET)]));
    assert_eq!(
        status_of(&layer, &Handler::answers(204), post("x")).await,
        Ok(204)
    );
}

#[tokio::test]
async fn an_event_that_came_as_a_probe_is_refused() {
    struct Probes;

    impl Provider for Probes {
        type Event = Other<()>;

        fn rules(&self) -> Rules {
            Rules::new("probes")
        }

        async fn verify(&self, _request: &Incoming<'_>) -> Result<Verified, Rejection> {
            Ok(Verified::probe())
        }

        fn decode(&self, request: &Incoming<'_>) -> Result<Received<Other<()>>, Rejection> {
            match &request.body()[..] {
                b"probe" => Ok(Received::probe()),
                _ => Ok(Received::event(Other(()))),
            }
        }
    }

    let layer = WebhookLayer::new(Probes, Access::open());
    let handler = Handler::answers(204);
    assert_eq!(status_of(&layer, &handler, post("probe")).await, Ok(200));
    assert_eq!(status_of(&layer, &handler, post("event")).await, Ok(401));
    assert_eq!(handler.called(), 0);
    assert_eq!(layer.strikes().refused(), 1);
}

/// Panics when it is dropped before its end.
#[tokio::test(start_paused = true)]
async fn a_verification_may_panic_when_it_is_dropped_at_the_deadline() {
    struct Panics;

    impl Provider for Panics {
        type Event = Other<()>;

        fn rules(&self) -> Rules {
            Rules::new("panics")
        }

        async fn verify(&self, _request: &Incoming<'_>) -> Result<Verified, Rejection> {
            let _guard = crate::util::PanicsOnDrop;
            std::future::pending().await
        }

        fn decode(&self, _request: &Incoming<'_>) -> Result<Received<Other<()>>, Rejection> {
            unreachable!("it is never verified")
        }
    }

    crate::util::quiet_panics();
    let layer = WebhookLayer::new(Panics, Access::open());
    assert_eq!(
        status_of(&layer, &Handler::answers(204), post("x")).await,
        Ok(503)
    );
}

#[tokio::test]
async fn an_event_under_open_access_that_nothing_signs_counts_once_it_is_read() {
    let rules = Rules::new("unsigned").strikes(10).event_method(Method::PUT);
    let provider = custom(rules.clone(), |request| match &request.body()[..] {
        b"event" => Ok(Received::event(Other(()))),
        _ => Err(Rejection::malformed("the body is no event")),
    });
    let store = Store::default();
    let layer = WebhookLayer::new(provider, Access::open()).dead_letters(store.clone());
    let failing = Handler::answers(500);
    assert_eq!(status_of(&layer, &failing, post("event")).await, Ok(200));
    assert_eq!(store.only().reason(), LetterReason::Status);

    let provider = custom(rules.clone(), |_| Ok(Received::event(Other(()))));
    let layer = WebhookLayer::new(provider, Access::open());
    assert_eq!(status_of(&layer, &failing, post("event")).await, Ok(500));
    assert_eq!(layer.strikes().worst().map(|worst| worst.count()), Some(1));

    // What cannot be read is stored by any method that brings events.
    let provider = custom::<Other<()>, _>(rules, |_| Err(Rejection::malformed("no event")));
    let store = Store::default();
    let layer = WebhookLayer::new(provider, Access::path([SECRET])).dead_letters(store.clone());
    let put = with_method(Method::PUT, Full::new(Bytes::from("unread")));
    assert_eq!(status_of(&layer, &failing, put).await, Ok(200));
    assert_eq!(store.only().reason(), LetterReason::Malformed);
}

#[tokio::test]
async fn the_success_of_the_rules_has_a_body_and_may_replace_the_handlers() {
    let rules = Rules::new("payu").success(StatusCode::OK, "[accepted]");
    let event = |_: &Incoming<'_>| Ok(Received::event(Other(())));
    let store = Store::default();
    let access = || Access::path([SECRET]);
    let layer = WebhookLayer::new(custom(rules.clone(), event), access());
    let layer = layer.dead_letters(store.clone());
    let stored = send(&layer, &Handler::answers(500), post("x"))
        .await
        .unwrap();
    assert_eq!(
        stored.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(text(stored).await, "[accepted]");
    // Without `exact_success` the handler's own answer goes out.
    let own = send(&layer, &Handler::answers(204), post("x"))
        .await
        .unwrap();
    assert_eq!(
        (own.status().as_u16(), text(own).await),
        (204, String::new())
    );

    let exact = WebhookLayer::new(custom(rules.exact_success(), event), access());
    let (exact, outcomes) = Outcomes::of(exact);
    for status in [200, 204] {
        let answer = send(&exact, &Handler::answers(status), post("x"))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(text(answer).await, "[accepted]", "{status}");
    }
    let statuses = outcomes.all().into_iter().map(|told| {
        let handler = told.handler_status().map(|status| status.as_u16());
        (told.status().map(|status| status.as_u16()), handler)
    });
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(statuses, [(Some(200), Some(200)), (Some(200), Some(204))]);
}

#[tokio::test]
async fn a_tenant_of_the_body_is_a_short_name_without_control_characters() {
    let provider = custom(Rules::new("teams"), |request| {
        let team = std::str::from_utf8(request.body()).unwrap();
        Ok(Received::event(Other(())).tenant(team))
    });
    let layer = WebhookLayer::new(provider, Access::path([SECRET]));
    let handler = Handler::answers(204);
    for (team, status) in [
        ("acct_1", 204),
        ("", 400),
        ("a\u{1b}[2J", 400),
        (&*"x".repeat(257), 400),
    ] {
        let answered = status_of(&layer, &handler, post(team.to_owned())).await;
        assert_eq!(answered, Ok(status), "{team:?}");
    }
}

#[tokio::test]
async fn events_come_by_the_methods_of_the_rules() {
    let rules = || Rules::new("says").probe_method(Method::HEAD);
    let provider = |rules| Says {
        decoded: Arc::default(),
        rules,
    };
    let layer = WebhookLayer::new(provider(rules().event_method(Method::GET)), Access::open());
    let handler = Handler::answers(204);
    let by = |method| with_method(method, Full::new(Bytes::from("signed event")));
    assert_eq!(status_of(&layer, &handler, by(Method::GET)).await, Ok(204));
    assert_eq!(status_of(&layer, &handler, by(Method::POST)).await, Ok(204));
    let response = send(&layer, &handler, by(Method::HEAD)).await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Method));
    assert_eq!(response.headers()["allow"], "POST, HEAD, GET");
    let only_post = WebhookLayer::new(provider(rules()), Access::open());
    assert_eq!(
        status_of(&only_post, &handler, by(Method::GET)).await,
        Ok(405)
    );
}
