//! Bsale's notices: every documented shape, and the way from a notice to a request.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Uri;
use serde_json::{Value, json};
use tower_webhook::{
    Event as _, Incoming, Provider, Received, Rejection,
    bsale::{API_BASE, Action, Bsale, COURIER_API_BASE, Event, Notification, Topic},
};

use crate::util::variant;

#[track_caller]
fn decode(body: &str) -> Event {
    serde_json::from_str(body).expect("an event")
}

#[track_caller]
fn notice(body: &str) -> Notification {
    variant!(decode(body), Event::Notification)
}

/// A documented sample, with some fields replaced; `null` takes one away.
#[track_caller]
fn changed(sample: &str, fields: &Value) -> Notification {
    let mut body: Value = serde_json::from_str(sample).unwrap();
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    body.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    notice(&body.to_string())
}

const DOCUMENT: &str = include_str!("../../data/bsale/document.json");
const PRODUCT: &str = include_str!("../../data/bsale/product.json");
const VARIANT: &str = include_str!("../../data/bsale/variant.json");
const PRICE: &str = include_str!("../../data/bsale/price.json");
const STOCK: &str = include_str!("../../data/bsale/stock.json");
const PAYMENT: &str = include_str!("../../data/bsale/payment.json");
const COURIER_ORDER: &str = include_str!("../../data/bsale/courierOrder.json");

/// Each documented sample, with its topic and its action.
pub(super) const SAMPLES: [(&str, Topic, Action); 7] = [
    (DOCUMENT, Topic::Document, Action::Post),
    (PRODUCT, Topic::Product, Action::Post),
    (VARIANT, Topic::Variant, Action::Put),
    (PRICE, Topic::Price, Action::Put),
    (STOCK, Topic::Stock, Action::Put),
    (PAYMENT, Topic::Payment, Action::Post),
    (COURIER_ORDER, Topic::CourierOrder, Action::Post),
];

#[test]
fn every_documented_shape() {
    for (body, topic, action) in SAMPLES {
        let notification = notice(body);
        assert_eq!((notification.topic, notification.action), (topic, action));
        let path = notification.resource_path().unwrap();
        assert_eq!(path.to_string(), notification.resource);

        // All but the token is written back as it was sent.
        let mut sent: Value = serde_json::from_str(body).unwrap();
        sent.as_object_mut().unwrap().remove("userToken");
        if let Some(seller) = sent.get_mut("sellerId") {
            *seller = json!("7");
        }
        assert_eq!(serde_json::to_value(&notification).unwrap(), sent);
    }
}

#[test]
fn what_is_told_of_a_document() {
    let document = notice(DOCUMENT);
    let sent_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_740_416);
    assert_eq!(document.sent_at(), Some(sent_at));
    let event = Event::Notification(document);
    let id = event.id();
    assert_eq!((event.name(), id.as_deref()), ("document", Some("1811905")));
    assert_eq!((event.topic(), event.cpn_id()), ("document", Some(11420)));
}

#[test]
fn the_path_of_a_courier_order_has_a_base_of_its_own() {
    let order = notice(COURIER_ORDER);
    let base: Uri = COURIER_API_BASE.parse().unwrap();
    let uri = order.resource_path().unwrap().on(&base).to_string();
    let expected = "https://courier.bsale.io/v1/couriers/orders/17170.json";
    assert_eq!(uri, expected);
}

#[test]
fn numbers_may_be_strings_and_strings_numbers() {
    let fields =
        json!({"cpnId": "80546", "resourceId": 594, "priceListId": 6, "send": "1684869929"});
    assert_eq!(changed(PRICE, &fields), notice(PRICE));
}

/// Other hands write `ID`.
#[test]
fn ids_are_spelled_in_two_ways() {
    let upper = |sample: &str| sample.replace("Id\"", "ID\"");
    for sample in [DOCUMENT, PRICE, STOCK, COURIER_ORDER] {
        assert_ne!(upper(sample), sample);
        assert_eq!(notice(&upper(sample)), notice(sample));
    }
    let doubled = upper(DOCUMENT).replace("\"cpnID\"", "\"cpnId\":11420,\"cpnID\"");
    assert!(matches!(decode(&doubled), Event::Drifted(it) if it.path == "cpnId"));
    let event = decode(r#"{"cpnID":7,"resourceID":"5","topic":"webOrder"}"#);
    assert_eq!(
        (event.cpn_id(), event.id().as_deref()),
        (Some(7), Some("5"))
    );
}

#[test]
fn an_empty_body_is_refused() {
    for body in ["", " \r\n"] {
        let refused = receive(&Bsale::new(), body);
        let why = Rejection::malformed("the body is empty");
        assert_eq!(refused.unwrap_err(), why);
    }
}

#[test]
fn actions_are_compared_without_case() {
    for (sent, read) in [
        ("POST", Action::Post),
        ("Put", Action::Put),
        ("DELETE", Action::Delete),
        ("delete", Action::Delete),
    ] {
        assert_eq!(changed(PRODUCT, &json!({"action": sent})).action, read);
    }
}

#[test]
fn optional_fields_may_be_missing_and_unknown_ones_may_come() {
    let fields = json!({"officeId": null, "send": null, "more": {"a": [1]}});
    let bare = changed(DOCUMENT, &fields);
    assert_eq!((bare.send, bare.sent_at()), (None, None));
    assert_eq!(bare.office_id, None);
    let price = changed(PRICE, &json!({"officeId": "1"}));
    assert_eq!(price.office_id.unwrap(), "1");
}

#[test]
fn the_path_is_rebuilt_on_the_base_that_the_user_chose() {
    let path = notice(STOCK).resource_path().unwrap();
    for (base, beginning) in [
        (API_BASE, "https://api.bsale.io"),
        ("https://api.bsale.com.mx/", "https://api.bsale.com.mx"),
        (
            "http://localhost:80/bsale/?x=1",
            "http://localhost:80/bsale",
        ),
        ("/proxy", "/proxy"),
        ("api.bsale.io", "https://api.bsale.io"),
        ("localhost:8080", "https://localhost:8080"),
        ("*", ""),
    ] {
        let uri = format!("{beginning}/v2/stocks.json?variant=8712&office=2");
        assert_eq!(path.on(&base.parse().unwrap()), *uri, "{base}");
    }
}

#[track_caller]
fn path(sample: &str, resource: &str) -> Option<String> {
    let notification = changed(sample, &json!({"resource": resource}));
    notification.resource_path().map(|path| path.to_string())
}

#[test]
fn documented_spellings_of_a_path_are_taken() {
    for (sample, sent) in [
        (DOCUMENT, "documents/1811905.json"),
        (DOCUMENT, "/v1/documents/1811905.json"),
        (PRODUCT, "v99/products/952.json"),
        (PRODUCT, "/products/952.json"),
        (PRICE, "/v1/price_lists/6/details.json?variantid=594"),
        (STOCK, "/v1/stocks.json?variantid=8712&officeid=2"),
    ] {
        // It is rebuilt with a slash in front.
        let rebuilt = format!("/{}", sent.trim_start_matches('/'));
        assert_eq!(path(sample, sent), Some(rebuilt), "{sent}");
    }
}

/// The request is unsigned: whatever is no template of the topic's gives no path.
#[test]
fn no_path_leads_away() {
    for resource in [
        "",
        "/",
        "//evil.example/documents/1811905.json",
        "\\\\evil.example",
        "@evil.example/documents/1811905.json",
        ".evil.example/documents/1811905.json",
        "https://evil.example/documents/1811905.json",
        "https://api.bsale.io/documents/1811905.json",
        "/v1/clients.json",
        "/v1/v1/documents/1811905.json",
        "/v0/documents/1811905.json",
        "/v100/documents/1811905.json",
        "/v01/documents/1811905.json",
        "/v/documents/1811905.json",
        "/documents/1811906.json",
        "/documents/01811905.json",
        "/documents/1811905.json?expand=[client]",
        "/documents/1811905.json#a",
        "/documents/1811905.json ",
        " /documents/1811905.json",
        "/documents/1811905.JSON",
        "/documents/1811905",
        "/documents/.json",
        "/documents/-1811905.json",
        "/documents/000000000000001811905.json",
        "/documents/1811905/details.json",
        "/documents/../clients/1811905.json",
        "/products/1811905.json",
        "/documents/%31811905.json",
        "/documents/\u{661}811905.json",
        "/documents/id=1811905.json",
        "/documents/1811905.json\n",
    ] {
        assert_eq!(path(DOCUMENT, resource), None, "{resource:?}");
    }
    for (sample, resource) in [
        (STOCK, "/v2/stocks.json?variant=8713&office=2"),
        (STOCK, "/v2/stocks.json?variant=8712&office=3"),
        (STOCK, "/v2/stocks.json?variant=8712"),
        (STOCK, "/v2/stocks.json?office=2&variant=8712"),
        (STOCK, "/v2/stocks.json?variant=8712&office=2&office=3"),
        (STOCK, "/v2/stocks.json?variant=8712&office="),
        (STOCK, "/v2/stocks.json?variantidid=8712&office=2"),
        (STOCK, "/v2/stocks.json?variantid=id=8712&office=2"),
        (STOCK, "/v2/stocks.json"),
        (PRICE, "/v2/price_lists/7/details.json?variant=594"),
        (PRICE, "/v2/price_lists/6/details.json?variant=595"),
        (PRICE, "/v2/price_lists/6.json?variant=594"),
    ] {
        assert_eq!(path(sample, resource), None, "{resource}");
    }
}

/// Where the notice names no office and no list, the path's own are taken.
#[test]
fn ids_are_compared_where_they_are_given() {
    for (sample, id) in [(STOCK, "officeId"), (PRICE, "priceListId")] {
        let without = changed(sample, &json!({id: null}));
        assert!(without.resource_path().is_some(), "{id}");
    }
}

#[test]
fn the_idempotency_key_is_made_of_five_fields() {
    let key_of = |event: Event| event.idempotency_key().map(Cow::into_owned);
    let key = |notification: Notification| key_of(Event::Notification(notification));
    let stock = "80546:stock:put:/v2/stocks.json?variant=8712&office=2:1684874486";
    let upper = changed(STOCK, &json!({"action": "PUT"}));
    for same in [notice(STOCK), upper] {
        assert_eq!(key(same).as_deref(), Some(stock));
    }
    assert_eq!(key(changed(STOCK, &json!({"send": null}))), None);
    for other in [
        json!({"cpnId": 1}),
        json!({"action": "post"}),
        json!({"send": 1_684_874_487}),
        json!({"resource": "/v2/stocks.json?variant=8712&office=3"}),
    ] {
        assert_ne!(key(changed(STOCK, &other)), key(notice(STOCK)));
    }
    let unknown = r#"{"cpnId":1,"resource":"/x:y","topic":"webOrder","action":"POST","send":5}"#;
    let key = key_of(decode(unknown));
    assert_eq!(key.as_deref(), Some("1:webOrder:post:/x:y:5"));
    // A colon of the sender's could make two different notices look alike.
    let unknown = r#"{"cpnId":1,"resource":"/x","topic":"web:Order","action":"post","send":5}"#;
    assert_eq!(key_of(decode(unknown)), None);
}

fn receive(provider: &Bsale, body: &'static str) -> Result<Received<Event>, Rejection> {
    let (head, ()) = http::Request::post("/").body(()).unwrap().into_parts();
    provider.decode(&Incoming::new(&head, &Bytes::from(body)))
}

#[test]
fn companies_are_taken_from_a_list_or_a_closure() {
    let list = Bsale::new().companies([80546, 11420, 7]);
    let closure = Bsale::new().companies_by(|cpn_id| cpn_id == 11420);
    for provider in [list, closure] {
        let receive = |body| receive(&provider, body);
        assert!(receive(DOCUMENT).is_ok());
        for refused in [
            r#"{"cpnId":11421,"topic":"document"}"#,
            r#"{"topic":"document"}"#,
            r#"{"cpnId":null,"topic":"webOrder"}"#,
            r#"{"cpnId":"11420 ","topic":"webOrder"}"#,
            r#"{"cpnId":11420.0,"topic":"webOrder"}"#,
            r#"{"cpnId":"011420","topic":"webOrder"}"#,
            r#"{"cpnId":11420,"cpnId":11420,"topic":"webOrder"}"#,
            r#"{"cpnId":11420,"cpnID":11420,"topic":"webOrder"}"#,
            r#"{"cpnid":11420,"topic":"webOrder"}"#,
        ] {
            assert!(receive(refused).is_err(), "{refused}");
        }
        assert!(receive(r#"{"cpnId":"11420","topic":"webOrder"}"#).is_ok());
        assert!(receive(r#"{"cpnID":11420,"topic":"webOrder"}"#).is_ok());
    }
    let all = Bsale::new();
    assert!(receive(&all, r#"{"topic":"document"}"#).is_ok());
}

#[test]
#[should_panic(expected = "an empty list of companies would refuse every delivery")]
fn an_empty_list_of_companies_is_a_mistake() {
    let _ = Bsale::new().companies([]);
}
