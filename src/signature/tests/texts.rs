use std::{fmt::Write, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, request::Parts};
use proptest::prelude::*;

use super::samples::*;
use crate::{
    Incoming,
    signature::{Key, Keys, Scheme, handshake},
};

#[test]
fn the_refusals_say_why() {
    let sample = sample("SW3a");
    let body = Bytes::from(sample.body);
    let keys = |texts: &[&str]| Keys::new(texts.iter().map(|text| Key::text(text).unwrap()));
    let why = |head: &Parts, keys: &Keys| {
        let scheme = sample.scheme.clone().clock(at(sample.now));
        refusal(scheme.verify(&Incoming::new(head, &body), keys))
    };
    let without = |name: &str| {
        let mut head = sample.head();
        head.headers.remove(name);
        head
    };
    let doubled = |name: &'static str| {
        let mut head = sample.head();
        let value = head.headers[name].clone();
        head.headers.append(name, value);
        head
    };
    let strange = |name: &'static str| {
        let mut head = sample.head();
        head.headers
            .insert(name, HeaderValue::from_bytes(b"\xf1").unwrap());
        head
    };

    assert_eq!(why(&sample.head(), &keys(&[])), "there is no key");
    let two = keys(&["fake-1", "fake-2"]);
    assert_eq!(
        why(&sample.head(), &two),
        "none of 2 keys matches a body of 87 bytes: was it changed on the way?"
    );
    let one = keys(&["fake-1"]);
    assert_eq!(
        why(&sample.head(), &one),
        "the one key does not match a body of 87 bytes: was it changed on the way?"
    );
    for name in ["webhook-signature", "webhook-id", "webhook-timestamp"] {
        assert_eq!(
            why(&without(name), &one),
            format!("the header {name} is missing")
        );
        assert_eq!(
            why(&doubled(name), &one),
            format!("the header {name} occurs twice")
        );
        assert_eq!(
            why(&strange(name), &one),
            format!("the header {name} is not visible ASCII")
        );
    }
    assert_eq!(
        why(&with_signature(&sample, SW_ED25519), &one),
        "the header webhook-signature has no signature of the form v1,<base64>"
    );

    // Hex is base64 too, of more bytes.
    let mut hex = super::samples::sample("GH1");
    hex.scheme = hex.scheme.base64();
    assert_eq!(
        refusal(hex.check(&hex.head(), &hex.body.into())),
        "the header x-hub-signature-256 has no signature of the form sha256=<base64>"
    );

    let stripe = super::samples::sample("ST2a");
    let why =
        |header: &str| refusal(stripe.check(&with_signature(&stripe, header), &stripe.body.into()));
    assert_eq!(why(ST2_OLD), "the header stripe-signature has no timestamp");
    assert_eq!(
        why(&format!("t=1700000123,t=1700000123,{ST2_OLD}")),
        "the header stripe-signature has two timestamps"
    );

    let mut pago = super::samples::sample("MP1");
    pago.key = Key::text("another").unwrap();
    assert_eq!(
        refusal(pago.check(&pago.head(), &Bytes::new())),
        "the one key does not match"
    );
}

proptest! {
    /// Key, signature and body are of letters that no text of ours has.
    #[test]
    fn no_text_has_a_key_a_signature_or_a_body(
        key in "[A-Z0-9]{12,40}",
        signature in "[A-Z0-9]{12,80}",
        body in "[A-Z0-9]{12,80}",
        time in "[A-Z]{12}|1[0-9]{11,19}",
        token in "[A-Z0-9]{12,80}",
    ) {
        let mut texts = String::new();
        let bytes = Bytes::from(body.clone());
        let made = Key::text(&key).unwrap();
        let keys = Keys::new([made.clone()]);
        let wrong = [Key::base64(&key), Key::hex(&key), Key::whsec(&format!("{key}!"))];
        let double = keys.insert(made.clone().label("label").unwrap());
        write!(texts, "{made:?} {keys:?} {wrong:?} {double:?}").unwrap();

        let digest = signature.repeat(64)[..64].replace(|c: char| c > 'F', "E");
        for scheme in [standard_webhooks(), stripe(), slack(), hub_256(), Scheme::sha256("x")] {
            write!(texts, "{scheme:?}").unwrap();
            for signature in [&signature, &digest] {
                let headers = [
                    ("webhook-signature", format!("v1,{signature} v1,{}", "A".repeat(43) + "=")),
                    ("webhook-id", "id".to_owned()),
                    ("webhook-timestamp", time.clone()),
                    ("stripe-signature", format!("t={time},v1={signature}")),
                    ("x-slack-signature", format!("v0={signature}")),
                    ("x-slack-request-timestamp", time.clone()),
                    ("x-hub-signature-256", format!("sha256={signature}")),
                    ("x", signature.clone()),
                ];
                let head = head(&format!("/?token={token}"), &headers);
                let request = Incoming::new(&head, &bytes).with_key(Some(key.as_bytes()));
                let refused = scheme.verify(&request, &keys).unwrap_err();
                let tolerant = scheme.clone().tolerance(Duration::MAX).verify(&request, &keys);
                let echo = handshake::echo_field::<()>(&request, &["challenge"]).unwrap_err();
                let check = handshake::check_query(&request, "token", "fake").unwrap_err();
                let json = Bytes::from(format!(r#"{{"a":"{}"}}"#, body.repeat(100)));
                let request = Incoming::new(&head, &json).with_key(Some(key.as_bytes()));
                let long = handshake::echo_field::<()>(&request, &["a"]).unwrap_err();
                let signs = handshake::sign_field::<()>(&request, &["a"], ["b", "c"]).unwrap_err();
                write!(texts, "{refused:?} {tolerant:?} {echo:?} {check:?} {long:?} {signs:?}").unwrap();
            }
        }
        for secret in [&key, &signature, &digest, &body, &token] {
            prop_assert!(!texts.contains(&secret[..12]), "{texts}");
        }
        if time.starts_with(|c: char| c.is_ascii_alphabetic()) {
            prop_assert!(!texts.contains(&time), "{texts}");
        }
    }
}
