//! P6: no body, URI, header value or secret in logs, `Debug`, errors and answers.

use std::fmt::Debug;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Record, RequestBody, Secret, Secrets, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use crate::{
    log,
    util::{Does, Handler, Keeps, Outcomes, PANIC, Store, ms, ok, text, variant},
};

const SECRET: &str = "sssecret-0123456789abcdef";
const MARKS: [&str; 6] = [SECRET, PANIC, "bbbody", "hhheader", "uuuri", "eeerror"];

#[track_caller]
fn clean(what: &str) {
    for mark in MARKS {
        assert!(!what.contains(mark), "{mark} in {what}");
    }
}

#[track_caller]
fn clean_debug(what: &impl Debug) {
    clean(&format!("{what:?} {what:#?}"));
}

fn request(uri: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(uri)
        .header("x-header", "hhheader")
        .body(body.to_owned().into())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_request_and_no_secret_is_logged_printed_or_answered() {
    let log = log();
    let right = format!("/uuuri/{SECRET}?uuuri");
    let bodies = [
        r#"{"subject":"new-client","message":{"client":{"id":"bbbody","email":"bbbody"}}}"#,
        r#"{"subject":"bbbody","topic":"bbbody","message":{"bbbody":1}}"#,
        r#"{"subject":"new-client","topic":"stock","message":{"client":{"id":"bbbody","phonePrimary":["bbbody"]}}}"#,
        r#"{"subject":"new-client","message":"bbbody"}"#,
        r#"{"bbbody":1}"#,
        r#"{"subject":"bbbody","subject":"bbbody","topic":["bbbody"]}"#,
        r#"["bbbody"]"#,
        r#"bbbody"#,
        r#"{"bbbody"#,
        "",
    ];
    let handlers = [
        Does::Answer(200),
        Does::Answer(502),
        Does::Fail,
        Does::FailAfter(ms(9000)),
        Does::PanicInCall,
        Does::PanicAfter(ms(9000)),
    ];
    let layer = WebhookLayer::new(Alegra::new(), Access::path([("shop-1", SECRET)]));
    let (layer, outcomes) = Outcomes::of(layer);
    let store = Store::default();
    let storing = layer.clone().dead_letters(store.clone());
    let allowed = Bsale::new().companies([1]);
    let strict = WebhookLayer::new(allowed, Access::query("token", [SECRET]));
    for does in handlers {
        for body in bodies {
            for uri in [&right, "/uuuri/uuuri?uuuri", "/uuuri"] {
                let stores = [Keeps::AT_ONCE, Keeps::FAILS, Keeps::PANICS].map(Some);
                for keeps in stores.into_iter().chain([None]) {
                    let layer = if keeps.is_some() { &storing } else { &layer };
                    store.set(keeps.unwrap_or(Keeps::AT_ONCE));
                    let mut webhook = layer.layer(Handler::new(does));
                    let future = webhook.call(request(uri, body));
                    clean_debug(&future);
                    if let Ok(response) = future.await {
                        clean_debug(&response);
                        clean(&text(response).await);
                    }
                }
            }
            let query = format!("/uuuri?uuuri&token={SECRET}");
            let webhook = strict.layer(Handler::new(does));
            let response = webhook.oneshot(request(&query, body));
            if let Ok(response) = response.await {
                clean_debug(&response);
            }
        }
    }
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    clean_debug(&outcomes.all());
    assert!(store.letters().len() > 10, "the store was asked");
    clean_debug(&store.letters());
    clean_debug(&layer.strikes());
    clean_debug(&layer.strikes().events());
    clean_debug(&layer);
    clean_debug(&layer.layer(()));
    clean_debug(&strict);
    for outcome in outcomes.all() {
        if let Some(rejection) = outcome.rejection() {
            clean(&format!("{rejection} {rejection:?}"));
        }
    }

    let text = log.take();
    assert!(text.contains("shop-1"), "the log was written: {text}");
    assert!(text.contains("new-client"));
    assert!(text.contains("the store of dead letters failed"));
    assert!(text.contains("the disk is full"));
    assert!(text.contains("the store panicked"));
    clean(&text);
}

#[tokio::test]
async fn what_a_handler_is_given_prints_no_content() {
    let inner = service_fn(async |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<alegra::Event>>();
        let delivery = delivery.unwrap();
        clean_debug(delivery);
        clean_debug(&Record::from(delivery));
        clean_debug(request.body());
        ok(request).await
    });
    let access = Access::by(|_| Some("shop-1"));
    let layer = WebhookLayer::new(Alegra::new(), access);
    let body = r#"{"subject":"new-client","message":{"client":{"id":"bbbody"}}}"#;
    let response = layer.layer(inner).oneshot(request("/", body)).await;
    assert_eq!(response.unwrap().status(), 204);
}

#[test]
fn the_error_about_a_bad_secret_does_not_quote_it() {
    for secrets in [
        vec![("a", "bbbody")],
        vec![("a", "bbbody-bbbody/bbbody")],
        vec![("a", SECRET), ("b", SECRET)],
    ] {
        let handle = Secrets::default();
        let error = secrets
            .iter()
            .find_map(|&secret| handle.insert(secret).err());
        clean(&error.unwrap().to_string());
        clean(&Access::try_path(secrets).unwrap_err().to_string());
    }
    clean_debug(&Secret::from(("a", SECRET)));
    clean_debug(&Secrets::new([("a", SECRET)]));
    clean_debug(&Access::query("a", [SECRET]));
}

#[test]
fn the_user_s_token_is_neither_printed_nor_written() {
    let body = r#"{"cpnId":33250,"sellerId":7,"userToken":"bbbody","resource":"/v1/couriers/orders/17170.json","resourceId":"17170","topic":"courierOrder","action":"post","send":1629741015}"#;
    let event: bsale::Event = serde_json::from_str(body).unwrap();
    clean_debug(&event);
    clean(&serde_json::to_string(&event).unwrap());
    let notification = variant!(event, bsale::Event::Notification);
    assert_eq!(notification.user_token.unwrap().expose(), "bbbody");
}
