//! JSON that is odd, or none: what becomes of each is pinned here and listed in `docs/PAYLOADS.md`.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;
use tower_webhook::{
    Delivery, Provider, WebhookLayer,
    alegra::{self, Event},
    bsale,
};

use crate::util::{self, alegra, bsale, post, variant};

/// The delivery that the handler gets, or the status of the refusal.
async fn delivery_of<P: Provider>(
    layer: WebhookLayer<P>,
    body: impl Into<Bytes>,
) -> Result<Delivery<P::Event>, u16> {
    let (status, delivery) = util::delivered(&layer, post(body)).await;
    delivery.ok_or(status)
}

async fn event(body: impl Into<Bytes>) -> Result<Event, u16> {
    let delivery = delivery_of(alegra(), body).await?;
    Ok(delivery.event().clone())
}

/// The path of the misfit.
async fn drift(body: impl Into<Bytes>) -> Option<String> {
    match event(body).await {
        Ok(Event::Drifted(drifted)) => Some(drifted.path),
        _ => None,
    }
}

#[tokio::test]
async fn doubled_keys() {
    let unknown = r#"{"x":1,"x":{},"subject":"new-item","message":{"y":1,"y":2,"item":{"id":1,"z":1,"z":2}}}"#;
    assert!(matches!(event(unknown).await, Ok(Event::NewItem(_))));
    let message = r#""message":{"item":{"id":1}}"#;
    for (doubled, path) in [
        (
            r#""message":{"item":{"id":1,"name":"a","name":"b"}}"#,
            "message.item.name",
        ),
        (
            r#""message":{"item":{"id":1},"item":{"id":2}}"#,
            "message.item",
        ),
        (&format!("{message},{message}"), "message"),
    ] {
        for body in [
            format!(r#"{{"subject":"new-item",{doubled}}}"#),
            format!(r#"{{{doubled},"subject":"new-item"}}"#),
        ] {
            assert_eq!(drift(body.clone()).await.as_deref(), Some(path), "{body}");
        }
    }
    let subject = r#"{"subject":"new-item","subject":"new-item","message":{"item":{"id":1}}}"#;
    assert_eq!(event(subject).await, Err(400));
    let topic = r#"{"topic":"stock","topic":"stock"}"#;
    assert_eq!(delivery_of(bsale(), topic).await.err(), Some(400));
}

/// Counted with the outermost object. `serde_json` reads 127 levels, so the handler can as well.
#[tokio::test]
async fn levels_of_nesting() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |field: &str, levels: usize| {
            let (open, close) = (open.repeat(levels - 1), close.repeat(levels - 1));
            format!(r#"{{"{field}":"x","deep":{open}1{close}}}"#)
        };
        let delivery = delivery_of(alegra(), nested("subject", 127)).await;
        assert!(delivery.unwrap().json::<Value>().is_ok());
        let delivery = delivery_of(bsale(), nested("topic", 127)).await;
        assert!(delivery.unwrap().json::<Value>().is_ok());
        for levels in [128, 129] {
            assert_eq!(event(nested("subject", levels)).await, Err(400));
            let refused = delivery_of(bsale(), nested("topic", levels)).await.err();
            assert_eq!(refused, Some(400));
        }
    }
    // Brackets in a string are text.
    let text = format!(r#"{{"subject":"x","a":"{}"}}"#, "[{".repeat(500));
    assert!(event(text).await.is_ok());
}

#[tokio::test]
async fn half_a_surrogate_pair() {
    let item = |field: &str| {
        format!(r#"{{"subject":"new-item","message":{{"item":{{"id":"865",{field}}}}}}}"#)
    };
    let in_the_envelope = r#"{"\ud800":1,"subject":"new-item","message":{"item":{"id":1}}}"#;
    for passed_over in [item(r#""x":"\ud800""#), in_the_envelope.to_owned()] {
        assert!(matches!(event(passed_over).await, Ok(Event::NewItem(_))));
    }
    for (message, path) in [
        (r#"{"\udc00":2,"item":{"id":"865"}}"#, "message.?"),
        (r#"{"item":{"id":"865","\ud800":1}}"#, "message.item.?"),
        (
            r#"{"item":{"id":"865","name":"\udc00"}}"#,
            "message.item.name",
        ),
    ] {
        let body = format!(r#"{{"subject":"delete-item","message":{message}}}"#);
        let drifted = variant!(event(body).await.unwrap(), Event::Drifted);
        assert_eq!(drifted.path, path);
        assert_eq!(drifted.id.unwrap(), "865", "{message}");
    }
    let in_the_subject = r#"{"subject":"\ud800","message":1}"#;
    assert_eq!(event(in_the_subject).await, Err(400));
    let in_a_name = r#"{"subject":"new-client","message":{"client":{"id":1,"name":{"fullname":"a","x":["\ud800",{"\udc00":1}]}}}}"#;
    let client = variant!(event(in_a_name).await.unwrap(), Event::NewClient);
    assert!(client.name.is_some());
    let kept = event(item(r#""subitems":["\ud800"]"#)).await.unwrap();
    let kept = variant!(kept, Event::NewItem);
    assert_eq!(kept.subitems.unwrap().as_str(), r#"["\ud800"]"#);
    let in_a_notice = delivery_of(bsale(), notice(r#""\ud800""#)).await.unwrap();
    assert!(matches!(in_a_notice.event(), bsale::Event::Notification(_)));
    // What is no escape at all is no JSON either.
    for no_json in [r#""\ud80""#, r#""\x""#, r#""\u+123""#] {
        let body = item(&format!(r#""x":{no_json}"#));
        assert_eq!(event(body).await, Err(400), "{no_json}");
        let refused = delivery_of(bsale(), notice(no_json)).await.err();
        assert_eq!(refused, Some(400), "{no_json}");
    }
}

/// A notice of Bsale's with something in it that is not known.
fn notice(unknown: &str) -> String {
    let sent = include_str!("../../data/bsale/document.json").trim_end();
    format!(r#"{},"x":{unknown}}}"#, sent.strip_suffix('}').unwrap())
}

/// The cap is on what becomes of a body, and nothing becomes of these.
#[tokio::test]
async fn many_objects_and_arrays_in_a_notice() {
    for many in [45_998, 45_999, 60_000] {
        let body = notice(&format!("[{}]", vec!["{}"; many].join(",")));
        let layer = bsale().body_limit(body.len());
        let delivery = delivery_of(layer, body).await.unwrap();
        let is_typed = matches!(delivery.event(), bsale::Event::Notification(_));
        assert!(is_typed, "{many}");
    }
}

/// RFC 8259 lets a reader ignore one, and a refusal would cost a strike. What is a probe behind one is
/// in `request/table.rs`.
#[tokio::test]
async fn a_byte_order_mark() {
    let sample = include_str!("../../data/alegra/new-item.json");
    let body = format!("\u{feff}{sample}");
    let delivery = delivery_of(alegra(), body.clone()).await.unwrap();
    assert!(matches!(delivery.event(), Event::NewItem(_)));
    assert_eq!(delivery.raw(), &body, "kept as it came");
    assert!(delivery.json::<Value>().is_ok());
    let notice = format!("\u{feff}{}", notice("1"));
    let delivery = delivery_of(bsale(), notice).await.unwrap();
    assert!(matches!(delivery.event(), bsale::Event::Notification(_)));
    // One is a mark, two are not.
    assert_eq!(event(format!("\u{feff}{body}")).await, Err(400));
}

#[tokio::test]
async fn numbers_beyond_every_type() {
    let id = r#"{"subject":"new-item","message":{"item":{"id":1e3}}}"#;
    assert_eq!(drift(id).await.as_deref(), Some("message.item.id"));
    let company = r#"{"topic":"stock","cpnId":18446744073709551616}"#;
    let delivery = delivery_of(bsale(), company).await.unwrap();
    assert!(matches!(delivery.event(), bsale::Event::Drifted(_)));
    assert_eq!(delivery.event().cpn_id(), None);
}

#[tokio::test]
async fn what_is_no_json() {
    for body in [
        "{'subject':'x'}",
        r#"{"subject":"x",}"#,
        r#"{"subject":"x"} {}"#,
        r#"{"subject":"x"}]"#,
        r#"{"subject":"x" // comment
            }"#,
        r#"{"subject":"x","n":NaN}"#,
        r#"{"subject":"x","n":01}"#,
        r#"{"subject":"x","n":+1}"#,
        r#"{"subject":"x","n":.5}"#,
        "{\"subject\":\"a\nb\"}",
        "{\"subject\":\"a\u{0}b\"}",
        r#"{"subject":"\x41"}"#,
        r#"{subject:"x"}"#,
        r#"subject=new-client"#,
        r#"{"subject":"new-item","message":{"item":{"id":1,2:3}}}"#,
        r#"{"subject":"new-item","message":{"item":{"id":1,"a":{null :1}}}}"#,
        r#"{"subject":"new-item","message":{"item":{"id":1}},[]:1}"#,
        "<xml/>",
    ] {
        assert_eq!(event(body).await, Err(400), "{body}");
    }
    assert_eq!(event(b"\xfe\xff".as_slice()).await, Err(400), "UTF-16");
}

/// What `serde_json` refuses is refused, also in a key that nobody reads, and beside what fits.
#[tokio::test]
async fn raw_control_characters_are_no_json() {
    for control in ['\0', '\u{1}', '\t', '\n', '\u{1f}'] {
        for body in [
            format!(r#"{{"subject":"x","{control}":0}}"#),
            format!(r#"{{"subject":"x","a":"{control}"}}"#),
            format!(r#"{{"{control}":0,"subject":"new-item","message":{{"item":{{"id":1}}}}}}"#),
            format!(r#"{{"subject":"new-item","message":{{"{control}":0,"item":{{"id":1}}}}}}"#),
            format!(
                r#"{{"subject":"new-client","message":{{"client":{{"id":1,"a{control}":0}}}}}}"#
            ),
        ] {
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(&body).is_err());
            assert_eq!(event(body.clone()).await, Err(400), "{body:?}");
        }
        let body = notice("1").replace("\"x\"", &format!("\"x{control}\""));
        assert_eq!(delivery_of(bsale(), body).await.err(), Some(400));
    }
    // DEL and its like are no control characters to JSON.
    let body = "{\"subject\":\"x\",\"\u{7f}\u{80}\":0}";
    assert!(event(body).await.is_ok());
}

#[tokio::test]
async fn ten_thousand_lines_are_typed_and_more_than_the_cap_are_not() {
    let line =
        r#"{"name":"Ítem","price":1000,"quantity":1,"tax":[{"id":"1"}],"remission":{"id":"2"}}"#;
    let invoice = |lines: usize, line: &str| {
        let lines = vec![line; lines].join(",");
        format!(
            r#"{{"subject":"new-invoice","message":{{"invoice":{{"id":"7","items":[{lines}]}}}}}}"#
        )
    };
    let whole = event(invoice(10_000, line)).await.unwrap();
    let whole = variant!(whole, Event::NewInvoice);
    assert_eq!(whole.items.len(), 10_000);
    // The outermost object, the message, the invoice, its list: 45,996 are left of 46,000.
    let typed = event(invoice(45_996, "{}")).await.unwrap();
    assert!(matches!(typed, Event::NewInvoice(_)), "just not too many");
    let written = serde_json::to_string(&typed).unwrap();
    assert_eq!(event(written).await, Ok(typed));
    let drifted = event(invoice(45_997, "{}")).await.unwrap();
    let drifted = variant!(drifted, Event::Drifted);
    assert_eq!(drifted.path, "message");
    assert_eq!(drifted.id.unwrap(), "7");
}

#[tokio::test]
async fn a_list_of_texts_is_short() {
    let client = |types: String| {
        format!(r#"{{"subject":"new-client","message":{{"client":{{"id":"7","type":{types}}}}}}}"#)
    };
    let list = |texts| client(format!("[{}]", vec!["\"client\""; texts].join(",")));
    // PHP's list with holes.
    let entries = |texts| (0..texts).map(|at| format!("\"{at}\":\"client\""));
    let object = |texts| {
        client(format!(
            "{{{}}}",
            entries(texts).collect::<Vec<_>>().join(",")
        ))
    };
    for (taken, too_long) in [(list(100), list(101)), (object(100), object(101))] {
        assert!(matches!(event(taken).await, Ok(Event::NewClient(_))));
        let path = drift(too_long).await;
        assert_eq!(path.as_deref(), Some("message.client.type"));
    }
}

/// What the types do not name is not lost.
#[tokio::test]
async fn undocumented_fields_are_reached_with_types_of_ones_own() {
    #[derive(serde::Deserialize)]
    struct Body {
        message: HashMap<String, WithLimit>,
    }
    #[derive(serde::Deserialize)]
    struct WithLimit {
        #[serde(rename = "creditLimit")]
        credit_limit: Value,
        id: tower_webhook::Id,
    }

    let body = include_str!("../../data/alegra/variants/new-client-undocumented-fields.json");
    let delivery = delivery_of(alegra(), body).await.unwrap();
    assert!(matches!(delivery.event(), alegra::Event::NewClient(_)));
    let client = &delivery.json::<Body>().unwrap().message["client"];
    assert_eq!(client.credit_limit["value"], 1.5);
    assert_eq!(client.id, "1");
}

/// Not as an array, which a derived struct would be read from too.
#[test]
fn a_drifted_event_is_read_from_an_object() {
    let drifted = r#"{"subject":"new-bill","drifted":"message","id":"7"}"#;
    let event: Event = serde_json::from_str(drifted).expect("as it is written");
    assert_eq!(serde_json::to_string(&event).expect("JSON"), drifted);
    assert!(serde_json::from_str::<Event>(r#"["new-bill","message","7"]"#).is_err());
    assert!(serde_json::from_str::<bsale::Event>(r#"["document","send",2,"7"]"#).is_err());
}
