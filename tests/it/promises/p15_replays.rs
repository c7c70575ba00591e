//! P15: a replay is the same event, with the same id, key and tenant.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use http::{HeaderMap, Method, Request, Uri, header::CONTENT_TYPE};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Event, Provider, Record, RequestBody, Rules, WebhookLayer, alegra::Alegra,
    bsale::Bsale,
};

use crate::{
    signed::{self, Post},
    util::{ALEGRA, BSALE, Other, SECRET, custom, ok, post},
};

/// What a handler was given.
type Given<E> = (Delivery<E>, Method, Uri, HeaderMap);

/// Delivers the request, writes its record as JSON, reads that and replays it. Returns what the handler was
/// given both times.
async fn replayed<P: Provider>(layer: WebhookLayer<P>, request: Post) -> [Given<P::Event>; 2] {
    let given = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&given);
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<P::Event>>();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let delivery = delivery.expect("a delivery").clone();
        sink.lock()
            .unwrap()
            .push((delivery, method, uri, request.headers().clone()));
        ok(request)
    }));
    let response = webhook.clone().oneshot(request).await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    let first = given.lock().unwrap().pop().expect("the handler ran");

    let record = Record::from(&first.0);
    let written = serde_json::to_string(&record).unwrap();
    let read: Record = serde_json::from_str(&written).unwrap();
    assert_eq!(read, record, "{written}");
    let response = webhook.replay(&read).await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    let again = given.lock().unwrap().pop().expect("the handler ran");
    // The record of the replay is the same one: label, kind, id, key, tenant, time, head and body.
    assert_eq!(Record::from(&again.0), record);
    [first, again]
}

async fn same<P>(provider: P, access: Access, request: Post, kept: &[&str]) -> Delivery<P::Event>
where
    P: Provider<Event: PartialEq + Debug>,
{
    let layer = WebhookLayer::new(provider, access);
    let [first, again] = replayed(layer, request).await;
    assert_eq!(first.0.event(), again.0.event());
    assert_eq!(first.0.event().id(), again.0.event().id());
    assert_eq!(first.0.idempotency_key(), again.0.idempotency_key());
    assert_eq!(first.0.tenant(), again.0.tenant());
    assert_eq!(first.1, again.1);
    let all = again
        .3
        .keys()
        .all(|name| kept.contains(&name.as_str()) || name == CONTENT_TYPE);
    assert!(all, "{:?}", again.3);
    for name in kept.iter().copied().chain([CONTENT_TYPE.as_str()]) {
        assert_eq!(first.3.get(name), again.3.get(name), "{name}");
    }
    again.0
}

#[tokio::test]
async fn of_alegra_and_bsale() {
    let access = || Access::path([("shop-1", SECRET)]);
    let json = |body| signed::with(post(body), "content-type", "application/json");
    let delivery = same(Alegra::new(), access(), json(ALEGRA), &[]).await;
    assert_eq!(delivery.tenant(), Some("shop-1"));
    assert_eq!(
        delivery.idempotency_key().as_deref(),
        Some("new-client:774")
    );
    same(Bsale::new(), access(), json(BSALE), &[]).await;
}

#[tokio::test]
async fn of_providers_that_sign_without_asking_for_a_signature() {
    let key = tower_webhook::signature::Key::whsec(signed::WHSEC).unwrap();
    let keys = key.label("shop-1").unwrap().into();
    let provider = signed::contacts(keys);
    let kept = ["webhook-id", "webhook-timestamp"];
    let delivery = same(provider, Access::open(), signed::contact(), &kept).await;
    assert_eq!(delivery.tenant(), Some("shop-1"));
    assert_eq!(delivery.idempotency_key().as_deref(), Some("msg_fake0001"));

    let kept = ["x-github-event", "x-github-delivery", "x-github-hook-id"];
    let delivery = same(signed::github(), Access::open(), signed::issue(), &kept).await;
    assert_eq!(delivery.event().kind, "issues");
    assert!(delivery.idempotency_key().is_some());

    let delivery = same(signed::meta(), Access::open(), signed::page(), &[]).await;
    assert_eq!(delivery.event().object.as_deref(), Some("page"));
}

#[tokio::test]
async fn of_a_form() {
    let form = "payload=%7B%22zen%22%3A%22Keep+it+fake.%22%2C%22hook_id%22%3A42%7D";
    let signature = "sha256=5edb6f1fe23728766ab613076e89a509d5f37543c4facde4cd621086270851c8";
    let request = signed::with_body(signed::issue(), form);
    let request = signed::with(request, "x-hub-signature-256", signature);
    let request = signed::with(request, "content-type", "application/x-www-form-urlencoded");
    let kept = ["x-github-event", "x-github-delivery", "x-github-hook-id"];
    let delivery = same(signed::github(), Access::open(), request, &kept).await;
    let json = delivery.event().payload.typed().expect("JSON").as_str();
    assert_eq!(json, r#"{"zen":"Keep it fake.","hook_id":42}"#);
}

/// An event of everything that a replay is rebuilt from.
#[derive(Debug, PartialEq)]
struct Seen(Vec<String>);

impl Event for Seen {
    fn name(&self) -> &str {
        "kind\n\u{1b}"
    }
}

#[tokio::test]
async fn the_method_the_query_and_the_kept_headers_survive_and_credentials_do_not() {
    let rules = Rules::new("seen")
        .event_method(Method::PUT)
        .keep_headers(["X-Kind", "x-many", "content-type"])
        .keep_query();
    let provider = custom(rules, |request| {
        let many = request.headers().get_all("x-many").iter().count();
        Ok(tower_webhook::Received::event(Seen(vec![
            request.method().to_string(),
            format!("{:?} {many}", request.header("x-kind")),
            request
                .header("content-type")
                .unwrap_or_default()
                .to_owned(),
            request.tenant().unwrap_or_default().to_owned(),
        ])))
    });
    let access = Access::query("key", [("shop-1", SECRET)]);
    let uri = format!("/a/path?topic=paid&key={SECRET}&id=7&keys=x&flag");
    let headers = [
        ("x-kind", "paid"),
        ("x-many", "1"),
        ("x-many", "2"),
        ("x-other", "3"),
    ];
    let mut request = signed::with(signed::post(&headers, "body"), "content-type", "text/plain");
    *request.uri_mut() = uri.parse().unwrap();
    *request.method_mut() = Method::PUT;

    let layer = WebhookLayer::new(provider, access);
    let [first, again] = replayed(layer, request).await;
    assert_eq!(first.0.event(), again.0.event());
    assert_eq!(again.0.event().0[3], "shop-1");
    assert_eq!(again.1, Method::PUT);
    assert_eq!(again.2, "/?topic=paid&id=7&keys=x&flag");
    assert_eq!(again.3.get_all("x-many").iter().count(), 2);
    assert_eq!(again.3["content-type"], "text/plain");
    assert!(!again.3.contains_key("x-other"));

    let record = Record::from(&again.0);
    assert_eq!(record.header("x-kind"), Some("paid"));
    assert_eq!(record.query(), Some("topic=paid&id=7&keys=x&flag"));
    assert_eq!((record.event(), record.kind()), ("other", r"kind\n\u{1b}"));
    assert!(!serde_json::to_string(&record).unwrap().contains(SECRET));
}

#[tokio::test]
async fn a_replay_has_the_key_of_the_record_if_its_event_has_none() {
    let layer = WebhookLayer::new(
        custom(Rules::new("seen"), |_| {
            Ok(tower_webhook::Received::event(Other(())))
        }),
        Access::open(),
    );
    let record: Record = serde_json::from_str(
        r#"{"version":1,"provider":"seen","event":"other","idempotency_key":"k-1","received_at_ms":0,"body":"x"}"#,
    )
    .unwrap();
    let given = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&given);
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let delivery = request
            .extensions()
            .get::<Delivery<Other<()>>>()
            .expect("a delivery");
        *sink.lock().unwrap() = delivery.idempotency_key().map(String::from);
        ok(request)
    }));
    webhook.replay(&record).await.unwrap();
    assert_eq!(given.lock().unwrap().as_deref(), Some("k-1"));
}

#[tokio::test]
async fn a_record_that_was_edited_badly_is_refused() {
    let layer = WebhookLayer::new(Alegra::new(), Access::open());
    for head in [
        r#""method":"no method""#,
        r#""headers":[["a b","c"]]"#,
        r#""query":"a b""#,
    ] {
        let record = format!(
            r#"{{"version":1,"provider":"alegra","event":"other","received_at_ms":0,{head},"body":"{{}}"}}"#
        );
        let record: Record = serde_json::from_str(&record).unwrap();
        let response = layer.layer(service_fn(ok)).replay(&record).await.unwrap();
        assert_eq!(response.status(), 400, "{head}");
    }
}

#[tokio::test]
async fn a_replay_has_the_events_own_key_where_it_has_one() {
    let record = |key: &str| -> Record {
        let body = ALEGRA.replace('"', "\\\"");
        let record = format!(
            r#"{{"version":1,"provider":"alegra","event":"new-client","idempotency_key":"{key}","received_at_ms":0,"body":"{body}"}}"#
        );
        serde_json::from_str(&record).unwrap()
    };
    let given = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&given);
    let layer = WebhookLayer::new(Alegra::new(), Access::open());
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let delivery = request
            .extensions()
            .get::<Delivery<tower_webhook::alegra::Event>>();
        let key = delivery.expect("a delivery").idempotency_key();
        *sink.lock().unwrap() = key.map(String::from);
        ok(request)
    }));
    webhook.replay(record("of an older release")).await.unwrap();
    assert_eq!(given.lock().unwrap().as_deref(), Some("new-client:774"));
}

#[tokio::test]
async fn a_record_of_one_tenant_is_not_replayed_for_another() {
    let provider = custom(Rules::new("teams"), |request| {
        let team = std::str::from_utf8(request.body()).unwrap();
        Ok(tower_webhook::Received::event(Other(())).tenant(team))
    });
    let layer = WebhookLayer::new(provider, Access::open());
    for (tenant, status) in [("north", 204), ("south", 401)] {
        let record = format!(
            r#"{{"version":1,"provider":"teams","tenant":"{tenant}","event":"other","received_at_ms":0,"body":"north"}}"#
        );
        let record: Record = serde_json::from_str(&record).unwrap();
        let response = layer.layer(service_fn(ok)).replay(&record).await.unwrap();
        assert_eq!(response.status(), status, "{tenant}");
    }
}

#[tokio::test]
async fn a_long_kind_is_cut() {
    struct Named(String);

    impl Event for Named {
        fn name(&self) -> &str {
            &self.0
        }
    }

    let kind = async |name: String| {
        let provider = custom(Rules::new("named").events(["known"]), move |_| {
            Ok(tower_webhook::Received::event(Named(name.clone())))
        });
        let layer = WebhookLayer::new(provider, Access::open());
        let (_, delivery) = crate::util::delivered(&layer, post("x")).await;
        let record = Record::from(&delivery.expect("the handler ran"));
        (record.event().to_owned(), record.kind().to_owned())
    };
    assert_eq!(kind("known".into()).await, ("known".into(), "known".into()));
    let most = "ñ".repeat(64);
    assert_eq!(kind(most.clone()).await, ("other".into(), most.clone()));
    assert_eq!(
        kind("ñ".repeat(65)).await,
        ("other".into(), format!("{most}…"))
    );
}

#[tokio::test]
async fn the_query_is_kept_only_where_the_rules_say_so_and_never_a_credential() {
    let kept = async |rules: Rules, query: &str| {
        let provider = custom(rules, |_| Ok(tower_webhook::Received::event(Other(()))));
        let layer = WebhookLayer::new(provider, Access::query("key", [SECRET]));
        let mut request = post("x");
        *request.uri_mut() = format!("/hook?{query}").parse().unwrap();
        let (_, delivery) = crate::util::delivered(&layer, request).await;
        let record = Record::from(&delivery.expect("the handler ran"));
        record.query().map(str::to_owned)
    };
    let only = format!("key={SECRET}");
    let more = format!("a=1&key={SECRET}&Verify.Token=t&x-signature=s");
    assert_eq!(kept(Rules::new("q"), &more).await, None);
    assert_eq!(kept(Rules::new("q").keep_query(), &only).await, None);
    assert_eq!(
        kept(Rules::new("q").keep_query(), &more).await.as_deref(),
        Some("a=1")
    );
}

#[test]
fn headers_that_hold_credentials_are_refused_when_the_rules_are_built() {
    for name in [
        "Authorization",
        "x-hub-signature-256",
        "X-Shopify-Hmac-Sha256",
        "a b",
    ] {
        let built = std::panic::catch_unwind(|| Rules::new("rules").keep_headers([name]));
        let text = *built.expect_err(name).downcast::<String>().expect("a text");
        assert!(text.contains(name), "{text}");
    }
}

/// With a value left out, the other would be the only one.
#[tokio::test]
async fn a_header_that_cannot_be_kept_whole_is_not_kept() {
    let request = signed::contact();
    let mut doubled = signed::with(request, "svix-id", "msg_other");
    let bytes = http::HeaderValue::from_bytes(b"\xff").unwrap();
    doubled.headers_mut().append("svix-id", bytes);
    let layer = WebhookLayer::new(
        signed::contacts(signed::whsec(signed::WHSEC)),
        Access::open(),
    );
    let response = layer.layer(service_fn(ok)).oneshot(doubled).await.unwrap();
    assert_eq!(response.status(), 401);

    let rules = Rules::new("seen").keep_headers(["x-kind", "x-kind"]);
    let provider = custom(rules, |request| {
        Ok(tower_webhook::Received::event(Seen(vec![format!(
            "{:?}",
            request.header("x-kind")
        )])))
    });
    let layer = WebhookLayer::new(provider, Access::open());
    for values in [&[&b"a"[..]][..], &[b"a", b"\xff"]] {
        let mut request = post("x");
        for value in values {
            let value = http::HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append("x-kind", value);
        }
        let [first, again] = replayed(layer.clone(), request).await;
        assert_eq!(first.0.event(), again.0.event());
    }
}
