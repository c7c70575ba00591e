use http::{Request, request::Parts};
use http_body_util::Empty;
use tower::{Layer, ServiceExt};
use tower_webhook::{Access, Delivery, RequestBody, WebhookLayer, alegra};

use crate::util::{ALEGRA, Broken, Does, Handler, post, reply};

/// The status for a POST to that URI, and the tenant that it was delivered for.
async fn try_door(access: &Access, uri: &str) -> (u16, Option<String>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let inner = tower::service_fn(move |request: Request<RequestBody>| {
        let delivery = request
            .extensions()
            .get::<Delivery<alegra::Event>>()
            .unwrap();
        sender.send(delivery.tenant().map(str::to_owned)).unwrap();
        async { Ok::<_, Broken>(reply(http::StatusCode::NO_CONTENT)) }
    });
    let layer = WebhookLayer::new(alegra::Alegra::new(), access.clone());
    let mut request = post(ALEGRA);
    *request.uri_mut() = uri.parse().unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    (
        response.status().as_u16(),
        receiver.try_recv().ok().flatten(),
    )
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";
const C: &str = "ccccccccccccccccccccccccccccccccccccccc3";

/// The comparison itself is `subtle`'s, of eight bytes at a time and then of what is left; here is what
/// it must come to.
#[tokio::test]
async fn p11_a_secret_is_compared_over_its_whole_length() {
    for secret in [A, &A[..16], &A[..21], &A[9..]] {
        let access = Access::path([secret]);
        assert_eq!(try_door(&access, &format!("/x/{secret}")).await.0, 204);
        for place in 0..secret.len() {
            let mut wrong = secret.as_bytes().to_vec();
            wrong[place] = b'x';
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(
                try_door(&access, &format!("/x/{wrong}")).await.0,
                404,
                "{place}"
            );
            let beginning = &secret[..place];
            assert_eq!(try_door(&access, &format!("/x/{beginning}")).await.0, 404);
        }
        for longer in [format!("{secret}a"), format!("a{secret}")] {
            assert_eq!(try_door(&access, &format!("/x/{longer}")).await.0, 404);
        }
    }
}

#[tokio::test]
async fn p11_each_of_many_secrets_opens_for_its_tenant() {
    let labelled: Vec<_> = (0..500)
        .map(|shop| (format!("shop-{shop}"), format!("{shop:032}")))
        .collect();
    let access = Access::path(labelled.clone());
    for (label, secret) in [&labelled[0], &labelled[1], &labelled[250], &labelled[499]] {
        let (status, tenant) = try_door(&access, &format!("/x/{secret}")).await;
        assert_eq!((status, tenant), (204, Some(label.clone())));
    }
    assert_eq!(
        try_door(&access, &format!("/x/{:032}", 500)).await,
        (404, None)
    );
}

#[tokio::test]
async fn p11_two_secrets_of_one_label_are_a_rotation() {
    let access = Access::path([("shop", A), ("shop", B), ("other", C)]);
    let shop = (204, Some("shop".to_owned()));
    assert_eq!(try_door(&access, &format!("/{A}")).await, shop);
    assert_eq!(try_door(&access, &format!("/{B}")).await, shop);
    assert_eq!(
        try_door(&access, &format!("/{C}")).await.1.unwrap(),
        "other"
    );
}

#[tokio::test]
async fn p11_the_last_segment_of_the_path_counts_byte_for_byte() {
    let access = Access::path([A]);
    for (uri, status) in [
        (format!("/{A}"), 204),
        (format!("/{A}/"), 204),
        (format!("/{A}//"), 204),
        (format!("/{B}/{A}"), 204),
        (format!("/{A}?token={B}"), 204),
        (format!("/{A}/{B}"), 404),
        (format!("/x?token={A}"), 404),
        (format!("/{}%61{}", &A[..3], &A[4..]), 404),
        (format!("/{}", A.to_uppercase()), 404),
        (format!("/x;{A}"), 404),
        ("/".to_owned(), 404),
        ("*".to_owned(), 404),
    ] {
        assert_eq!(try_door(&access, &uri).await.0, status, "{uri}");
    }
}

#[tokio::test]
async fn p11_a_query_parameter_has_to_occur_exactly_once() {
    let access = Access::query("token", [A]);
    for (uri, status) in [
        (format!("/x?token={A}"), 204),
        (format!("/x?a=b&token={A}&c"), 204),
        (format!("/x?token={A}&token={A}"), 404),
        (format!("/x?token={B}&token={A}"), 404),
        (format!("/x?token&token={A}"), 404),
        (format!("/x?Token={A}"), 404),
        (format!("/x?token={A}="), 404),
        (format!("/x?token=%61{}", &A[1..]), 404),
        (format!("/x?tok%65n={A}"), 404),
        (format!("/x?{A}"), 404),
        (format!("/{A}"), 404),
        ("/x".to_owned(), 404),
        ("/x?token".to_owned(), 404),
    ] {
        assert_eq!(try_door(&access, &uri).await.0, status, "{uri}");
    }
}

#[tokio::test]
async fn p11_a_closure_decides_from_the_head() {
    let by_bool = Access::by(|head: &Parts| head.uri.path() == "/in");
    assert_eq!(try_door(&by_bool, "/in").await, (204, None));
    assert_eq!(try_door(&by_bool, "/out").await, (404, None));
    let by_tenant = Access::by(|head: &Parts| head.uri.query().map(str::to_owned));
    assert_eq!(
        try_door(&by_tenant, "/?shop").await,
        (204, Some("shop".into()))
    );
    assert_eq!(try_door(&by_tenant, "/").await, (404, None));
    assert_eq!(try_door(&Access::open(), "/").await, (204, None));
}

/// Neither the handler nor the body is touched for who has no secret.
#[tokio::test]
async fn p11_without_the_secret_nothing_happens() {
    let handler = Handler::new(Does::Answer(http::StatusCode::OK));
    let layer = WebhookLayer::new(alegra::Alegra::new(), Access::path([A]));
    let request = Request::post("/x")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = layer.layer(handler.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(handler.called(), 0);
}
