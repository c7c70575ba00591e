use std::sync::{Arc, Mutex};

use http::{Request, StatusCode};
use tower::{Layer, ServiceExt};
use tower_webhook::{Delivery, Provider, RequestBody, WebhookLayer, alegra, bsale};

use crate::util::{Broken, post, reply};

/// The event that the handler gets for a body.
async fn delivered<P>(layer: WebhookLayer<P>, body: String) -> P::Event
where
    P: Provider,
    P::Event: Clone,
{
    let seen = Arc::new(Mutex::new(None));
    let sink = seen.clone();
    let inner = tower::service_fn(move |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<P::Event>>().unwrap();
        *sink.lock().unwrap() = Some((delivery.event().clone(), delivery.raw().clone()));
        async { Ok::<_, Broken>(reply(StatusCode::NO_CONTENT)) }
    });
    let request = post(body.clone());
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 204, "{body}");
    let (event, raw) = seen.lock().unwrap().take().expect("the handler ran");
    assert_eq!(raw, body, "and through raw() there is everything");
    event
}

#[tokio::test]
async fn p7_alegra_s_unknown_subjects_are_delivered() {
    for subject in [
        "new-payment",
        "",
        "new-client ",
        "NEW-CLIENT",
        "new-",
        "-",
        "a\u{1F980}",
    ] {
        for message in ["{}", "1", "\"text\"", "[[[]]]", r#"{"client":{"id":1}}"#] {
            let body = format!(r#"{{"subject":"{subject}","message":{message}}}"#);
            match delivered(crate::util::alegra(), body).await {
                alegra::Event::Unknown(unknown) => assert_eq!(unknown.subject, subject),
                event => panic!("{event:?}"),
            }
        }
    }
}

#[tokio::test]
async fn p7_alegra_s_drifted_events_are_delivered_with_the_place_of_the_misfit() {
    for (message, path, id) in [
        (r#""text""#, "message", None),
        (r#"null"#, "message", None),
        (r#"[]"#, "message", None),
        (r#"{}"#, "message.invoice", None),
        (r#"{"client":{"id":1}}"#, "message.invoice", None),
        (r#"{"invoice":null}"#, "message.invoice", None),
        (r#"{"invoice":["1"]}"#, "message.invoice", None),
        (r#"{"invoice":{}}"#, "message.invoice.id", None),
        (r#"{"invoice":{"id":""}}"#, "message.invoice.id", None),
        (r#"{"invoice":{"id":1.5}}"#, "message.invoice.id", None),
        (r#"{"invoice":{"id":7,"id":7}}"#, "message.invoice.id", None),
        (
            r#"{"invoice":{"id":7,"total":"much"}}"#,
            "message.invoice.total",
            Some("7"),
        ),
        (
            r#"{"invoice":{"total":true,"id":"7"}}"#,
            "message.invoice.total",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"date":20240618}}"#,
            "message.invoice.date",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"status":{}}}"#,
            "message.invoice.status",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"client":5}}"#,
            "message.invoice.client",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"client":{"x":1}}}"#,
            "message.invoice.client.id",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"items":[{},{},{},{"price":{}}]}}"#,
            "message.invoice.items[3].price",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"items":[["x"]]}}"#,
            "message.invoice.items[0]",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"items":"none"}}"#,
            "message.invoice.items",
            Some("7"),
        ),
        (
            r#"{"invoice":{"id":7,"items":[{"tax":[{"id":1},{"id":false}]}]}}"#,
            "message.invoice.items[0].tax[1].id",
            Some("7"),
        ),
    ] {
        for body in [
            format!(r#"{{"subject":"new-invoice","message":{message}}}"#),
            format!(r#"{{"message":{message},"subject":"new-invoice"}}"#),
        ] {
            match delivered(crate::util::alegra(), body.clone()).await {
                alegra::Event::Drifted(drifted) => {
                    assert_eq!(drifted.subject, "new-invoice");
                    assert_eq!(drifted.path, path, "{body}");
                    assert_eq!(drifted.id.as_ref().map(|id| id.as_str()), id, "{body}");
                }
                event => panic!("{event:?}"),
            }
        }
    }
    for body in [
        r#"{"subject":"new-invoice"}"#,
        r#"{"subject":"new-invoice","message":{"invoice":{"id":7}},"message":{}}"#,
    ] {
        match delivered(crate::util::alegra(), body.to_owned()).await {
            alegra::Event::Drifted(drifted) => assert_eq!(drifted.path, "message"),
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn p7_too_many_containers_drift_and_are_not_refused() {
    let items = vec!["{}"; 60_000].join(",");
    let body = format!(
        r#"{{"subject":"new-invoice","message":{{"invoice":{{"id":"7","items":[{items}]}}}}}}"#
    );
    match delivered(crate::util::alegra(), body).await {
        alegra::Event::Drifted(drifted) => {
            assert_eq!(
                (drifted.subject, &*drifted.path),
                ("new-invoice", "message")
            );
            assert_eq!(drifted.id.unwrap(), "7");
        }
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn p7_bsale_s_unknown_topics_and_actions_are_delivered() {
    for (topic, action) in [
        ("webOrder", "post"),
        ("", ""),
        ("Document", "post"),
        ("stock", "patch"),
    ] {
        let body = format!(
            r#"{{"topic":"{topic}","action":"{action}","cpnId":"7","resourceId":5,"send":"12","resource":"/x"}}"#
        );
        match delivered(crate::util::bsale(), body).await {
            bsale::Event::Unknown(unknown) => {
                assert_eq!(unknown.topic, topic);
                assert_eq!(unknown.action.as_deref(), Some(action));
                assert_eq!((unknown.cpn_id, unknown.send), (Some(7), Some(12)));
                assert_eq!(unknown.resource.as_deref(), Some("/x"));
                assert_eq!(unknown.resource_id.unwrap(), "5");
            }
            event => panic!("{event:?}"),
        }
    }
    match delivered(crate::util::bsale(), r#"{"topic":"webOrder"}"#.to_owned()).await {
        bsale::Event::Unknown(unknown) => assert_eq!(unknown.action, None),
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn p7_bsale_s_drifted_notices_are_delivered_with_the_place_of_the_misfit() {
    let whole = [
        ("cpnId", "11420"),
        ("resource", "\"/documents/1.json\""),
        ("resourceId", "\"1\""),
        ("action", "\"post\""),
        ("send", "1737740416"),
        ("officeId", "\"11\""),
        ("priceListId", "\"3\""),
    ];
    for (broken, value) in [
        ("cpnId", "\"x\""),
        ("cpnId", "-1"),
        ("cpnId", "1.0"),
        ("cpnId", "null"),
        ("resource", "7"),
        ("resourceId", "\"\""),
        ("action", "7"),
        ("send", "\"yesterday\""),
        ("officeId", "{}"),
        ("priceListId", "[1]"),
    ] {
        let fields: Vec<_> = whole
            .iter()
            .map(|(name, sound)| {
                let value = if *name == broken { value } else { sound };
                format!(r#""{name}":{value}"#)
            })
            .collect();
        let body = format!(r#"{{{},"topic":"document"}}"#, fields.join(","));
        match delivered(crate::util::bsale(), body.clone()).await {
            bsale::Event::Drifted(drifted) => {
                assert_eq!(drifted.topic, bsale::Topic::Document);
                assert_eq!(drifted.path, broken, "{body}");
                assert_eq!(drifted.cpn_id.is_some(), broken != "cpnId");
                assert_eq!(drifted.resource_id.is_some(), broken != "resourceId");
            }
            event => panic!("{event:?}"),
        }
    }
    for missing in ["cpnId", "resource", "resourceId", "action"] {
        let fields: Vec<_> = whole
            .iter()
            .filter(|(name, _)| *name != missing)
            .map(|(name, value)| format!(r#""{name}":{value}"#))
            .collect();
        let body = format!(r#"{{{},"topic":"document"}}"#, fields.join(","));
        match delivered(crate::util::bsale(), body).await {
            bsale::Event::Drifted(drifted) => assert_eq!(drifted.path, missing),
            event => panic!("{event:?}"),
        }
    }
}
