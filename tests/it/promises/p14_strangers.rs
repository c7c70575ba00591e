//! P14: a stranger's request raises no strike, no letter and no alarm.

use tower_webhook::{Access, OutcomeKind, Provider, Rejection, Verified, WebhookLayer};

use crate::{
    signed::{self, Post},
    util::{Handler, Outcomes, Store, status_of},
};

const MANY: u64 = 10_000;

/// Ten thousand requests without a signature, or with a wrong one.
async fn strangers<P: Provider>(provider: P, signature: &'static str, genuine: impl Fn() -> Post) {
    let store = Store::default();
    let layer = WebhookLayer::new(provider, Access::open()).dead_letters(store.clone());
    let (layer, outcomes) = Outcomes::of(layer);
    let handler = Handler::answers(200);
    for number in 0..MANY {
        let request = match number % 3 {
            0 => signed::without(genuine(), signature),
            1 => signed::with(genuine(), signature, "sha256=00"),
            _ => signed::with_body(genuine(), number.to_string()),
        };
        assert_eq!(status_of(&layer, &handler, request).await, Ok(401));
    }
    assert_eq!(handler.called(), 0);
    assert!(store.calls().is_empty());
    let strikes = layer.strikes();
    assert!(strikes.events().is_empty());
    assert_eq!(
        (strikes.refused(), strikes.refused_since_success()),
        (MANY, MANY)
    );
    assert_eq!(
        (strikes.last_delivery(), strikes.last_success()),
        (None, None)
    );
    let is_refusal = |kind| kind == OutcomeKind::Rejected;
    assert!(outcomes.all().iter().all(|told| is_refusal(told.kind())));

    assert_eq!(status_of(&layer, &handler, genuine()).await, Ok(200));
    assert_eq!(strikes.refused_since_success(), 0);
    assert_eq!(strikes.refused(), MANY);
}

#[tokio::test]
async fn of_standard_webhooks() {
    let provider = signed::contacts(signed::whsec(signed::WHSEC));
    strangers(provider, "webhook-signature", signed::contact).await;
}

#[tokio::test]
async fn of_github() {
    strangers(signed::github(), "x-hub-signature-256", signed::issue).await;
}

#[tokio::test]
async fn of_meta() {
    strangers(signed::meta(), "x-hub-signature-256", signed::page).await;
}

/// The database of keys is down.
struct Down<P>(P);

impl<P: Provider> Provider for Down<P> {
    type Event = P::Event;

    fn rules(&self) -> tower_webhook::Rules {
        self.0.rules().strikes(10)
    }

    async fn verify(&self, _: &tower_webhook::Incoming<'_>) -> Result<Verified, Rejection> {
        Err(Rejection::unavailable("the database of keys is down"))
    }

    fn decode(
        &self,
        request: &tower_webhook::Incoming<'_>,
    ) -> Result<tower_webhook::Received<P::Event>, Rejection> {
        self.0.decode(request)
    }
}

async fn unverifiable<P: Provider>(provider: P, genuine: impl Fn() -> Post) {
    let store = Store::default();
    let layer = WebhookLayer::new(Down(provider), Access::open()).dead_letters(store.clone());
    let handler = Handler::answers(200);
    for _ in 0..MANY {
        assert_eq!(status_of(&layer, &handler, genuine()).await, Ok(503));
    }
    assert!(store.calls().is_empty());
    let worst = layer.strikes().worst().expect("strikes");
    assert_eq!(u64::from(worst.count()), MANY);
    assert_eq!(layer.strikes().refused(), 0);
}

#[tokio::test]
async fn a_receiver_that_cannot_verify_is_no_stranger() {
    let contacts = signed::contacts(signed::whsec(signed::WHSEC));
    unverifiable(contacts, signed::contact).await;
    unverifiable(signed::github(), signed::issue).await;
    unverifiable(signed::meta(), signed::page).await;
}
