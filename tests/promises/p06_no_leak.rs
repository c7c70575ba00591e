use std::{
    cell::RefCell,
    fmt::Debug,
    io::{self, Write},
};

use http::{Request, StatusCode};
use tower::{Layer, Service, ServiceExt};
use tower_webhook::{
    Access, Delivery, Record, RequestBody, WebhookLayer, alegra,
    bsale::{self, Bsale},
};

use crate::util::{
    Does, Handler, Outcomes, PANIC, Reply, reply,
    store::{Keeps, Store},
};

const SECRET: &str = "sssecret-0123456789abcdef";
const MARKS: [&str; 6] = [SECRET, PANIC, "bbbody", "hhheader", "uuuri", "eeerror"];

thread_local! {
    /// What this test logged: each has a thread of its own.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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

fn request(uri: &str, body: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    Request::post(uri)
        .header("x-header", "hhheader")
        .body(body.to_owned().into())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn p6_nothing_of_a_request_or_a_secret_is_given_away() {
    // The whole process's: of a subscriber on this thread alone, a place in the code that another
    // thread comes to first may never hear.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(|| Log)
        .init();

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
        Does::Answer(StatusCode::OK),
        Does::Answer(StatusCode::BAD_GATEWAY),
        Does::Fail,
        Does::FailAfter(crate::util::ms(9000)),
        Does::PanicInCall,
        Does::PanicAfter(crate::util::ms(9000)),
    ];
    let layer = WebhookLayer::new(alegra::Alegra::new(), Access::path([("shop-1", SECRET)]));
    let (layer, outcomes) = Outcomes::of(layer);
    let store = Store::default();
    let storing = layer.clone().dead_letters(store.clone());
    let allowed = Bsale::new().companies([1]);
    let strict = WebhookLayer::new(allowed, Access::query("token", [SECRET]));
    for does in handlers {
        for body in bodies {
            for uri in [&right, "/uuuri/uuuri?uuuri", "/uuuri"] {
                for keeps in [
                    None,
                    Some(Keeps::AtOnce),
                    Some(Keeps::Not),
                    Some(Keeps::Panics),
                ] {
                    let layer = if keeps.is_some() { &storing } else { &layer };
                    store.set(keeps.unwrap_or_default());
                    let mut webhook = layer.layer(Handler::new(does));
                    let future = webhook.call(request(uri, body));
                    clean_debug(&future);
                    if let Ok(response) = future.await {
                        clean_debug(&response);
                        clean(&crate::util::text(response).await);
                    }
                }
            }
            let query = format!("/uuuri?uuuri&token={SECRET}");
            let response = strict
                .layer(Handler::new(does))
                .oneshot(request(&query, body));
            if let Ok(response) = response.await {
                clean_debug(&response);
            }
        }
    }
    assert_eq!(layer.background().drain(crate::util::ms(60_000)).await, 0);
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

    let text = String::from_utf8(LOG.take()).unwrap();
    assert!(text.contains("shop-1"), "the log was written: {text}");
    assert!(text.contains("new-client"));
    assert!(text.contains("the store of dead letters failed"));
    assert!(text.contains("the disk is full"));
    assert!(text.contains("the store panicked"));
    clean(&text);
}

#[tokio::test]
async fn p6_what_a_handler_holds_does_not_print_what_is_in_it() {
    let inner = tower::service_fn(async |request: Request<RequestBody>| {
        let delivery = request
            .extensions()
            .get::<Delivery<alegra::Event>>()
            .unwrap();
        clean_debug(delivery);
        clean_debug(&Record::from(delivery));
        clean_debug(request.body());
        Ok::<Reply, crate::util::Broken>(reply(StatusCode::OK))
    });
    let access = Access::by(|_| Some("shop-1"));
    let layer = WebhookLayer::new(alegra::Alegra::new(), access);
    let body = r#"{"subject":"new-client","message":{"client":{"id":"bbbody"}}}"#;
    let response = layer
        .layer(inner)
        .oneshot(request("/", body))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[test]
fn p6_a_bad_secret_is_not_quoted_in_the_sentence_about_it() {
    for secrets in [
        vec![("a", "bbbody")],
        vec![("a", "bbbody-bbbody/bbbody")],
        vec![("a", SECRET), ("b", SECRET)],
    ] {
        clean(&Access::try_path(secrets).unwrap_err().to_string());
    }
    clean_debug(&tower_webhook::Secret::from(("a", SECRET)));
    clean_debug(&Access::query("a", [SECRET]));
}

#[test]
fn p6_the_user_s_token_is_neither_printed_nor_written() {
    let body = r#"{"cpnId":33250,"sellerId":7,"userToken":"bbbody","resource":"/v1/couriers/orders/17170.json","resourceId":"17170","topic":"courierOrder","action":"post","send":1629741015}"#;
    let event: bsale::Event = serde_json::from_str(body).unwrap();
    clean_debug(&event);
    clean(&serde_json::to_string(&event).unwrap());
    let bsale::Event::Notification(notification) = event else {
        panic!("a known topic");
    };
    assert_eq!(notification.user_token.unwrap().expose(), "bbbody");
}
