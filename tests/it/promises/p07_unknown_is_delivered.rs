use tower_webhook::{Provider, WebhookLayer, alegra, bsale};

use crate::util::{alegra as alegra_layer, bsale as bsale_layer, delivered, post, variant};

/// The event that the handler is given; everything else is in `raw()`.
async fn event<P>(layer: WebhookLayer<P>, body: String) -> P::Event
where
    P: Provider<Event: Clone>,
{
    let (_, delivery) = delivered(&layer, post(body.clone())).await;
    let delivery = delivery.unwrap_or_else(|| panic!("no handler ran for {body}"));
    assert_eq!(delivery.raw(), &body);
    delivery.event().clone()
}

async fn drifted(message: &str) -> alegra::Drifted {
    let body = format!(r#"{{"subject":"new-invoice",{message}}}"#);
    variant!(event(alegra_layer(), body).await, alegra::Event::Drifted)
}

#[tokio::test]
async fn alegra_s_unknown_subjects_are_delivered() {
    let subjects = [
        "new-payment",
        "",
        "new-client ",
        "NEW-CLIENT",
        "new-",
        "-",
        "a\u{1F980}",
    ];
    for subject in subjects {
        for message in ["{}", "1", "\"text\"", "[[[]]]", r#"{"client":{"id":1}}"#] {
            let body = format!(r#"{{"subject":"{subject}","message":{message}}}"#);
            let unknown = variant!(event(alegra_layer(), body).await, alegra::Event::Unknown);
            assert_eq!(unknown.subject, subject);
        }
    }
}

/// A message, the path of what does not fit, and the id that is known all the same.
#[rustfmt::skip]
const DRIFTED: [(&str, &str, Option<&str>); 21] = [
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
    (r#"{"invoice":{"id":7,"total":"much"}}"#, "message.invoice.total", Some("7")),
    (r#"{"invoice":{"total":true,"id":"7"}}"#, "message.invoice.total", Some("7")),
    (r#"{"invoice":{"id":7,"date":20240618}}"#, "message.invoice.date", Some("7")),
    (r#"{"invoice":{"id":7,"status":{}}}"#, "message.invoice.status", Some("7")),
    (r#"{"invoice":{"id":7,"client":5.5}}"#, "message.invoice.client", Some("7")),
    (r#"{"invoice":{"id":7,"client":{"x":1}}}"#, "message.invoice.client.id", Some("7")),
    (r#"{"invoice":{"id":7,"items":[{},{},{},{"price":{}}]}}"#, "message.invoice.items[3].price", Some("7")),
    (r#"{"invoice":{"id":7,"items":[["x"]]}}"#, "message.invoice.items[0]", Some("7")),
    (r#"{"invoice":{"id":7,"items":"none"}}"#, "message.invoice.items", Some("7")),
    (r#"{"invoice":{"id":7,"items":[{"tax":[{"id":1},{"id":false}]}]}}"#, "message.invoice.items[0].tax[1].id", Some("7")),
];

#[tokio::test]
async fn alegra_s_drifted_events_are_delivered_with_the_path_of_what_does_not_fit() {
    for (message, path, id) in DRIFTED {
        let body = format!(r#"{{"message":{message},"subject":"new-invoice"}}"#);
        let reversed = event(alegra_layer(), body).await;
        let drifted = drifted(&format!(r#""message":{message}"#)).await;
        assert_eq!(drifted.subject, "new-invoice");
        assert_eq!(drifted.path, path, "{message}");
        assert_eq!(drifted.id.as_ref().map(|id| id.as_str()), id, "{message}");
        assert_eq!(reversed, alegra::Event::Drifted(drifted), "{message}");
    }
    let without = event(alegra_layer(), r#"{"subject":"new-invoice"}"#.to_owned()).await;
    assert!(matches!(without, alegra::Event::Drifted(it) if it.path == "message"));
    let twice = drifted(r#""message":{"invoice":{"id":7}},"message":{}"#).await;
    assert_eq!(twice.path, "message");
}

#[tokio::test]
async fn too_many_containers_are_drifted_and_not_refused() {
    let items = vec!["{}"; 60_000].join(",");
    let message = format!(r#""message":{{"invoice":{{"id":"7","items":[{items}]}}}}"#);
    let drifted = drifted(&message).await;
    assert_eq!(drifted.subject, "new-invoice");
    assert_eq!(drifted.path, "message");
    assert_eq!(drifted.id.unwrap(), "7");
}

async fn unknown_to_bsale(body: String) -> bsale::Unknown {
    variant!(event(bsale_layer(), body).await, bsale::Event::Unknown)
}

#[tokio::test]
async fn bsale_s_unknown_topics_and_actions_are_delivered() {
    for (topic, action) in [
        ("webOrder", "post"),
        ("", ""),
        ("Document", "post"),
        ("stock", "patch"),
    ] {
        let body = format!(
            r#"{{"topic":"{topic}","action":"{action}","cpnId":"7","resourceId":5,"send":"12","resource":"/x"}}"#
        );
        let unknown = unknown_to_bsale(body).await;
        assert_eq!(unknown.topic, topic);
        assert_eq!(unknown.action.as_deref(), Some(action));
        assert_eq!((unknown.cpn_id, unknown.send), (Some(7), Some(12)));
        assert_eq!(unknown.resource.as_deref(), Some("/x"));
        assert_eq!(unknown.resource_id.unwrap(), "5");
    }
    let unknown = unknown_to_bsale(r#"{"topic":"webOrder"}"#.to_owned()).await;
    assert_eq!(unknown.action, None);
}

#[tokio::test]
async fn bsale_s_drifted_notices_are_delivered_with_the_path_of_what_does_not_fit() {
    let whole = [
        ("cpnId", "11420"),
        ("resource", "\"/documents/1.json\""),
        ("resourceId", "\"1\""),
        ("action", "\"post\""),
        ("send", "1737740416"),
        ("officeId", "\"11\""),
        ("priceListId", "\"3\""),
    ];
    let wrong = [
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
    ];
    let wrong = wrong.map(|(name, value)| (name, format!(r#""{name}":{value},"#)));
    let missing = ["cpnId", "resource", "resourceId", "action"].map(|name| (name, String::new()));
    for (broken, written) in wrong.into_iter().chain(missing) {
        let fields = whole.iter().map(|(name, value)| match *name == broken {
            true => written.clone(),
            false => format!(r#""{name}":{value},"#),
        });
        let fields: String = fields.collect();
        let body = format!(r#"{{{fields}"topic":"document"}}"#);
        let bsale::Event::Drifted(drifted) = event(bsale_layer(), body.clone()).await else {
            panic!("it is not drifted: {body}");
        };
        assert_eq!(drifted.topic, bsale::Topic::Document);
        assert_eq!(drifted.path, broken, "{body}");
        assert_eq!(drifted.cpn_id.is_some(), broken != "cpnId");
        assert_eq!(drifted.resource_id.is_some(), broken != "resourceId");
    }
}
