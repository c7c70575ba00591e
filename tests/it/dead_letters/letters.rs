//! Letters as they are written, and the stores that take them.

use std::{borrow::Cow, sync::Arc};

use tokio::time::sleep;
use tower::{Layer, ServiceExt};
use tower_webhook::{
    Access, DeadLetter, Event, LetterReason, Provider, Received, RejectionKind, Rules, WebhookLayer,
};

use super::deliver;
use crate::util::{
    ALEGRA, Does, Handler, Keeps, NORTH, PANIC, SECRET, SOUTH, Store, alegra, custom, ms, post,
    post_to, rejection, send, status_of, two_tenants,
};

fn fails() -> Handler {
    Handler::new(Does::Fail)
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_a_store() {
    let (queue, mut letters) = tokio::sync::mpsc::unbounded_channel();
    let layer = alegra().dead_letters(move |letter: DeadLetter| {
        let sent = queue.send(letter);
        async move { sent.map_err(|_| "nobody reads") }
    });
    let answered = deliver(&layer, Does::AnswerAfter(ms(9000), 200)).await;
    assert_eq!(answered, Ok(202));
    let pending = letters.recv().await.expect("a letter");
    assert_eq!(pending.reason(), LetterReason::Pending);
    assert_eq!(layer.background().drain(ms(20_000)).await, 0);

    // Nobody receives any more, so the store fails.
    drop(letters);
    assert_eq!(deliver(&layer, Does::Fail).await, Ok(503));
}

/// An event whose methods panic: the name too, or the id alone.
struct Panics {
    name: Option<&'static str>,
}

impl Event for Panics {
    fn name(&self) -> &str {
        self.name.unwrap_or_else(|| panic!("{PANIC}"))
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        panic!("{PANIC}")
    }
}

fn panicking(name: Option<&'static str>) -> WebhookLayer<impl Provider> {
    let rules = Rules::new("panicking").events(["known"]);
    let provider = custom(rules, move |_| Ok(Received::event(Panics { name })));
    WebhookLayer::new(provider, Access::path([SECRET]))
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_id_panics_is_stored_without_an_id() {
    let store = Store::default();
    let layer = panicking(Some("known")).dead_letters(store.clone());
    assert_eq!(status_of(&layer, &fails(), post("body")).await, Ok(200));
    let letter = store.only();
    let record = letter.record();
    assert_eq!((record.event(), record.id()), ("known", None));
    assert_eq!(record.body(), "body");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_name_panics_is_stored_as_the_providers_panic() {
    let panicked = Some(RejectionKind::Panicked);
    let layer = panicking(None);
    let handler = Handler::answers(200);
    let refused = send(&layer, &handler, post("body")).await;
    assert_eq!(rejection(&refused.expect("an answer")), panicked);

    let store = Store::default();
    let layer = layer.dead_letters(store.clone());
    assert_eq!(status_of(&layer, &handler, post("body")).await, Ok(200));
    let letter = store.only();
    assert_eq!(letter.record().body(), "body");
    let replayed = layer.layer(handler.clone()).replay(&letter).await;
    assert_eq!(rejection(&replayed.expect("an answer")), panicked);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_may_be_shared() {
    let store = Arc::new(Store::default());
    for layer in [alegra(), alegra()] {
        let layer = layer.dead_letters(Arc::clone(&store));
        assert_eq!(deliver(&layer, Does::Fail).await, Ok(202));
    }
    assert_eq!(store.letters().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_written_as_a_versioned_object() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    for _ in 0..2 {
        assert_eq!(deliver(&layer, Does::Fail).await, Ok(202));
    }
    let [letter, other] = &store.letters()[..] else {
        panic!("two letters");
    };
    assert_ne!(letter.id(), other.id());
    let mut written = serde_json::to_value(letter).expect("JSON");
    let expected = serde_json::json!({
        "version": 1,
        "id": letter.id(),
        "reason": "error",
        "attempts": 1,
        "acknowledged": true,
        "record": letter.record(),
    });
    assert_eq!(written, expected);
    let read: DeadLetter = serde_json::from_str(&written.to_string()).expect("a letter");
    assert_eq!(read, *letter);
    assert!(!format!("{letter:?}").contains("774"));

    let written_reason = serde_json::to_value(LetterReason::Interrupted).expect("JSON");
    assert_eq!(written_reason, LetterReason::Interrupted.as_str());
    written["reason"] = "of_a_later_release".into();
    let later: DeadLetter = serde_json::from_value(written.clone()).expect("a letter");
    assert_eq!(later.reason(), LetterReason::Other);
    written["version"] = 2.into();
    let error = serde_json::from_value::<DeadLetter>(written).expect_err("another version");
    let sentence = "the format is of version 2; this release reads version 1";
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test(start_paused = true)]
async fn a_letter_has_its_tenant() {
    let store = Store::default();
    let layer = two_tenants().dead_letters(store.clone());
    for (secret, body) in [(NORTH, ALEGRA), (SOUTH, "no JSON")] {
        let request = post_to(secret, body);
        assert_eq!(status_of(&layer, &fails(), request).await, Ok(202));
    }
    let letters = store.letters();
    let tenants = letters.iter().map(|letter| letter.record().tenant());
    assert!(tenants.eq([Some("north"), Some("south")]));
}

/// The store is told what becomes of a pending letter, however much else waits for it.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_pending_letter_is_always_told() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let never = layer.layer(Handler::new(Does::Never));
    let ends = [Does::AnswerAfter(ms(5000), 200), Does::FailAfter(ms(5000))];
    for does in ends {
        assert_eq!(deliver(&layer, does).await, Ok(202));
        store.set(Keeps::After(ms(60_000)));
        // Large bodies fill the room for what waits, and small ones the rest.
        for len in [1 << 20; 70].into_iter().chain([1; 1100]) {
            let body = vec![b'{'; len];
            tokio::spawn(never.clone().oneshot(post(body)));
        }
        sleep(ms(200_000)).await;
        store.set(Keeps::AT_ONCE);
    }
    assert_eq!(store.done(), 1);
    let failed = store.letters().into_iter();
    let failed = failed.filter(|letter| letter.reason() == LetterReason::Error);
    assert_eq!(failed.count(), 1);
}
