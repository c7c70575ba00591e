use http::request::Parts;
use tower_webhook::{Access, WebhookLayer, alegra::Alegra};

use crate::util::{ALEGRA, delivered, post};

/// The status for a POST to that URI, and the tenant that it was delivered for.
async fn open(access: &Access, uri: &str) -> (u16, Option<String>) {
    let layer = WebhookLayer::new(Alegra::new(), access.clone());
    let mut request = post(ALEGRA);
    *request.uri_mut() = uri.parse().unwrap();
    let (status, delivery) = delivered(&layer, request).await;
    let tenant = delivery.and_then(|delivery| delivery.tenant().map(str::to_owned));
    (status, tenant)
}

async fn status_at(access: &Access, uri: &str) -> u16 {
    open(access, uri).await.0
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";
const C: &str = "ccccccccccccccccccccccccccccccccccccccc3";

/// The crate `subtle` promises constant time. Here is what the comparison has to find.
#[tokio::test]
async fn a_secret_is_compared_over_its_whole_length() {
    for secret in [A, &A[..16], &A[..21], &A[9..]] {
        let access = Access::path([secret]);
        assert_eq!(status_at(&access, &format!("/x/{secret}")).await, 204);
        for place in 0..secret.len() {
            let mut wrong = secret.as_bytes().to_vec();
            wrong[place] = b'x';
            let wrong = String::from_utf8(wrong).unwrap();
            let answered = status_at(&access, &format!("/x/{wrong}")).await;
            assert_eq!(answered, 404, "{place}");
            let beginning = &secret[..place];
            assert_eq!(status_at(&access, &format!("/x/{beginning}")).await, 404);
        }
        for longer in [format!("{secret}a"), format!("a{secret}")] {
            assert_eq!(status_at(&access, &format!("/x/{longer}")).await, 404);
        }
    }
}

#[tokio::test]
async fn each_of_many_secrets_opens_for_its_tenant() {
    let labelled: Vec<_> = (0..500)
        .map(|shop| (format!("shop-{shop}"), format!("{shop:032}")))
        .collect();
    let access = Access::path(labelled.clone());
    for (label, secret) in [&labelled[0], &labelled[1], &labelled[250], &labelled[499]] {
        let (status, tenant) = open(&access, &format!("/x/{secret}")).await;
        assert_eq!((status, tenant), (204, Some(label.clone())));
    }
    assert_eq!(status_at(&access, &format!("/x/{:032}", 500)).await, 404);
}

#[tokio::test]
async fn two_secrets_of_one_label_are_a_rotation() {
    let access = Access::path([("shop", A), ("shop", B), ("other", C)]);
    for (secret, label) in [(A, "shop"), (B, "shop"), (C, "other")] {
        let opened = open(&access, &format!("/{secret}")).await;
        assert_eq!(opened, (204, Some(label.to_owned())));
    }
}

#[tokio::test]
async fn the_last_segment_of_the_path_counts_byte_for_byte() {
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
        assert_eq!(status_at(&access, &uri).await, status, "{uri}");
    }
}

#[tokio::test]
async fn a_query_parameter_has_to_occur_exactly_once() {
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
        assert_eq!(status_at(&access, &uri).await, status, "{uri}");
    }
}

#[tokio::test]
async fn a_closure_decides_from_the_head() {
    let by_bool = Access::by(|head: &Parts| head.uri.path() == "/in");
    assert_eq!(open(&by_bool, "/in").await, (204, None));
    assert_eq!(open(&by_bool, "/out").await, (404, None));
    let by_tenant = Access::by(|head: &Parts| head.uri.query().map(str::to_owned));
    let shop = (204, Some("shop".to_owned()));
    assert_eq!(open(&by_tenant, "/?shop").await, shop);
    assert_eq!(open(&by_tenant, "/").await, (404, None));
    assert_eq!(open(&Access::open(), "/").await, (204, None));
}
