use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use proptest::{prelude::*, sample::select};
use tower_webhook::{alegra, bsale};

use crate::util::{
    AnyBody, Handler, Script, Step, alegra as alegra_layer, bsale as bsale_layer, paused_runtime,
    post, post_body, status_of,
};

/// Values and keys that a malicious or broken sender would write.
const LEAVES: [&str; 9] = [
    "null",
    "true",
    "1e999",
    "-0",
    r#""\ud800""#,
    r#""new-invoice""#,
    r#""delete-client""#,
    r#""stock""#,
    r#""/v2/stocks.json?variant=1&office=2""#,
];
#[rustfmt::skip]
const KEYS: [&str; 26] = [
    "subject", "message", "client", "invoice", "item", "bill", "id", "items", "price", "tax", "name",
    "address", "type", "numberTemplate", "identification", "cpnId", "resource", "resourceId", "topic",
    "action", "send", "officeId", "x", "\\ud800", "$serde_json::private::Number",
    "$serde_json::private::RawValue",
];

/// JSON of such values around the known names.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        9 => select(&LEAVES[..]).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => "[0-9]{1,40}\\.[0-9]{1,40}",
        1 => "\"[^\"\\\\\\x00-\\x1f]{0,30}\"",
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((select(&KEYS[..]), inner), 0..8).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn envelope() -> impl Strategy<Value = String> {
    let entity = select(&["client", "item", "invoice", "bill"][..]);
    prop_oneof![
        json(),
        (entity, json()).prop_map(|(entity, object)| format!(
            r#"{{"subject":"edit-{entity}","message":{{"{entity}":{object}}}}}"#
        )),
        json().prop_map(|value| format!(
            r#"{{"topic":"stock","action":"put","cpnId":1,"resourceId":"1","resource":{value}}}"#
        )),
    ]
}

/// What Alegra's layer answers; both layers answer by the table.
fn answered<B: AnyBody + Clone>(request: Request<B>) -> u16 {
    let handler = Handler::answers(204);
    paused_runtime().block_on(async {
        let alegra = status_of(&alegra_layer(), &handler, request.clone())
            .await
            .unwrap();
        let bsale = status_of(&bsale_layer(), &handler, request).await.unwrap();
        for status in [alegra, bsale] {
            let known = [200, 204, 400, 404, 405, 408, 413, 415].contains(&status);
            assert!(known, "{status}");
        }
        alegra
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        answered(post(body));
    }

    #[test]
    fn no_json_makes_it_panic(body in envelope()) {
        answered(post(body));
    }

    #[test]
    fn no_head_makes_it_panic(
        path in "/[!-~&&[^#?\\\\\"<>`{}|^]]{0,80}",
        query in "[!-~&&[^#\"<>\\\\`{}|^]]{0,40}",
        method in select(&[Method::POST, Method::GET, Method::CONNECT][..]),
        length in prop_oneof![Just("0".to_owned()), Just("-1".to_owned()), "[0-9]{1,30}", "[a-z]{3}"],
    ) {
        if let Ok(uri) = format!("{path}?{query}").parse::<http::Uri>() {
            let mut request = Request::new(Full::new(Bytes::from_static(b"{}")));
            *request.uri_mut() = uri;
            *request.method_mut() = method;
            request.headers_mut().insert("content-length", length.parse().unwrap());
            answered(request);
        }
    }

    /// However the bytes are cut into frames, the answer is the same.
    #[test]
    fn no_framing_makes_a_difference(body in envelope(), cuts in prop::collection::vec(0_usize..200, 0..6)) {
        let whole = answered(post(body.clone()));
        let mut rest = Bytes::from(body);
        let mut frames = Vec::new();
        for cut in cuts {
            frames.push(rest.split_to(cut.min(rest.len())));
        }
        frames.push(rest);
        let body = Script::new(frames.into_iter().map(Step::Owned));
        let (layer, handler) = (alegra_layer(), Handler::answers(204));
        let framed = status_of(&layer, &handler, post_body(body));
        let framed = paused_runtime().block_on(framed).unwrap();
        prop_assert_eq!(framed, whole);
    }

    /// What a typed event is made of comes back from what it is written as.
    #[test]
    fn whatever_decodes_is_written_and_read_to_the_same(body in envelope()) {
        if let Ok(event) = serde_json::from_str::<alegra::Event>(&body) {
            let written = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<alegra::Event>(&written).unwrap(), event);
        }
        if let Ok(event) = serde_json::from_str::<bsale::Event>(&body) {
            let written = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<bsale::Event>(&written).unwrap(), event);
        }
    }
}
