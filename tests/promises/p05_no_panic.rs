use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use proptest::prelude::*;
use tower_webhook::{Access, WebhookLayer, alegra, bsale};

use crate::util::{Does, Handler, SECRET, Script, Step, bsale as bsale_layer, send};

/// JSON as a sender with bad intent or bad software would write it, around the known names.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        Just("-0".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#""new-invoice""#.to_owned()),
        Just(r#""delete-client""#.to_owned()),
        Just(r#""stock""#.to_owned()),
        Just(r#""/v2/stocks.json?variant=1&office=2""#.to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[0-9]{1,40}\\.[0-9]{1,40}",
        "\"[^\"\\\\\\x00-\\x1f]{0,30}\"",
    ];
    let key = prop_oneof![
        Just("subject"),
        Just("message"),
        Just("client"),
        Just("invoice"),
        Just("item"),
        Just("bill"),
        Just("id"),
        Just("items"),
        Just("price"),
        Just("tax"),
        Just("name"),
        Just("address"),
        Just("type"),
        Just("numberTemplate"),
        Just("identification"),
        Just("cpnId"),
        Just("resource"),
        Just("resourceId"),
        Just("topic"),
        Just("action"),
        Just("send"),
        Just("officeId"),
        Just("x"),
        Just("\\ud800"),
        Just("$serde_json::private::Number"),
        Just("$serde_json::private::RawValue"),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| {
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
    let entity = prop_oneof![Just("client"), Just("item"), Just("invoice"), Just("bill")];
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

/// Runs one request to its answer, which is one of those in the table.
fn answer<B>(request: Request<B>) -> u16
where
    B: http_body::Body + Clone + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
        let (parts, body) = request.into_parts();
        let alegra = WebhookLayer::new(alegra::Alegra::new(), Access::path([SECRET]));
        let request = Request::from_parts(parts.clone(), body.clone());
        let answered = send(&alegra, &handler, request).await.unwrap().status();
        let request = Request::from_parts(parts, body);
        let bsale = send(&bsale_layer(), &handler, request)
            .await
            .unwrap()
            .status();
        for status in [answered, bsale] {
            let known = [200, 204, 400, 404, 405, 408, 413, 415].contains(&status.as_u16());
            assert!(known, "{status}");
        }
        answered.as_u16()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p5_no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        answer(crate::util::post(body));
    }

    #[test]
    fn p5_no_json_makes_it_panic(body in envelope()) {
        answer(crate::util::post(body));
    }

    #[test]
    fn p5_no_head_makes_it_panic(
        path in "/[!-~&&[^#?\\\\\"<>`{}|^]]{0,80}",
        query in "[!-~&&[^#\"<>\\\\`{}|^]]{0,40}",
        method in prop_oneof![Just(Method::POST), Just(Method::GET), Just(Method::CONNECT)],
        length in prop_oneof![Just("0".to_owned()), Just("-1".to_owned()), "[0-9]{1,30}", "[a-z]{3}"],
    ) {
        if let Ok(uri) = format!("{path}?{query}").parse::<http::Uri>() {
            let mut request = Request::new(Full::new(Bytes::from_static(b"{}")));
            *request.uri_mut() = uri;
            *request.method_mut() = method;
            request.headers_mut().insert("content-length", length.parse().unwrap());
            answer(request);
        }
    }

    /// However the bytes are cut into frames, the answer is the same.
    #[test]
    fn p5_no_framing_makes_a_difference(body in envelope(), cuts in prop::collection::vec(0_usize..200, 0..6)) {
        let whole = answer(crate::util::post(body.clone()));
        let mut rest = Bytes::from(body);
        let mut frames = Vec::new();
        for cut in cuts {
            frames.push(rest.split_to(cut.min(rest.len())));
        }
        frames.push(rest);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let framed = runtime.block_on(async {
            let body = Script::new(frames.into_iter().map(Step::Owned));
            let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
            send(&crate::util::alegra(), &handler, crate::util::post_body(body)).await.unwrap().status()
        });
        prop_assert_eq!(framed.as_u16(), whole);
    }

    /// What a typed event is made of comes back from what it is written as.
    #[test]
    fn p5_whatever_decodes_is_written_and_read_to_the_same(body in envelope()) {
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
