//! Keys change while the layer serves, and each has its tenant.

use tower_webhook::{
    Access, RejectionKind, WebhookLayer,
    signature::{Key, Keys},
};

use super::{WHSEC, contact, contacts, v1, with, with_body};
use crate::util::{Handler, Other, custom, delivered, rejection, send, status_of};

const OTHER: &str = "whsec_gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaX";

fn key(secret: &str, label: &str) -> Key {
    Key::whsec(secret).unwrap().label(label).unwrap()
}

#[tokio::test]
async fn keys_come_and_go_from_one_request_to_the_next() {
    let keys = Keys::default();
    let layer = WebhookLayer::new(contacts(keys.clone()), Access::open());
    let handler = Handler::answers(204);
    assert_eq!(status_of(&layer, &handler, contact()).await, Ok(401));
    keys.insert(key(OTHER, "shop-1")).unwrap();
    assert_eq!(status_of(&layer, &handler, contact()).await, Ok(401));
    // Two keys of one label are a rotation.
    keys.insert(key(WHSEC, "shop-1")).unwrap();
    assert_eq!(status_of(&layer, &handler, contact()).await, Ok(204));
    assert!(keys.remove(&key(WHSEC, "shop-1")));
    assert_eq!(status_of(&layer, &handler, contact()).await, Ok(401));
    assert_eq!(keys.remove_label("shop-1"), 1);
    assert_eq!(layer.strikes().refused_since_success(), 1);
    assert_eq!(layer.strikes().refused(), 3);
}

#[tokio::test]
async fn the_label_of_the_key_that_signed_is_the_tenant() {
    let keys = Keys::new([key(OTHER, "shop-2"), key(WHSEC, "shop-1")]);
    let layer = WebhookLayer::new(contacts(keys), Access::open());
    let (_, delivery) = delivered(&layer, contact()).await;
    assert_eq!(delivery.unwrap().tenant(), Some("shop-1"));
    let signature = v1(OTHER, "msg_fake0001", super::CONTACT_TIME, super::CONTACT);
    let request = with(contact(), "webhook-signature", &signature);
    let (_, delivery) = delivered(&layer, request).await;
    assert_eq!(delivery.unwrap().tenant(), Some("shop-2"));
}

#[tokio::test]
async fn a_tenants_key_does_not_speak_for_another_tenant() {
    use tower_webhook::{Incoming, Provider, Received, Rejection, Rules, Verified};

    /// The body names the tenant.
    struct Teams(super::Keys);

    impl Provider for Teams {
        type Event = Other<()>;

        fn rules(&self) -> Rules {
            Rules::new("teams")
        }

        async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
            let scheme = tower_webhook::signature::Scheme::sha256("x-signature").prefix("sha256=");
            scheme.verify(request, &self.0)
        }

        fn decode(&self, request: &Incoming<'_>) -> Result<Received<Other<()>>, Rejection> {
            let team = std::str::from_utf8(request.body()).unwrap();
            Ok(Received::event(Other(())).tenant(team))
        }
    }

    let a = Key::text("key-of-a").unwrap();
    let b = Key::text("key-of-b").unwrap().label("b").unwrap();
    let keys = Keys::new([a, b]);
    let layer = WebhookLayer::new(Teams(keys), Access::open());
    let handler = Handler::answers(204);
    for (key, team, status) in [
        ("key-of-b", "b", 204),
        ("key-of-b", "a", 401),
        // A key without a label is everybody's.
        ("key-of-a", "a", 204),
        ("key-of-a", "b", 204),
    ] {
        let signature = super::sha256_hex(key, team.as_bytes());
        let request = with_body(with(contact(), "x-signature", &signature), team);
        let response = send(&layer, &handler, request).await.unwrap();
        assert_eq!(response.status(), status, "{key} {team}");
        let kind = rejection(&response);
        assert_eq!(kind, (status == 401).then_some(RejectionKind::Unauthorized));
    }
}

#[tokio::test]
async fn a_secret_of_one_tenant_does_not_speak_for_another_tenant() {
    let provider = custom(tower_webhook::Rules::new("teams"), |request| {
        let team = std::str::from_utf8(request.body()).unwrap();
        Ok(tower_webhook::Received::event(Other(())).tenant(team))
    });
    let secret = "0123456789abcdef-north";
    let layer = WebhookLayer::new(provider, Access::path([("north", secret)]));
    let handler = Handler::answers(204);
    let post = |team| crate::util::post_to(secret, team);
    assert_eq!(status_of(&layer, &handler, post("north")).await, Ok(204));
    assert_eq!(status_of(&layer, &handler, post("south")).await, Ok(401));
}
