use std::{
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
};

use http::request::Parts;
use tower::{Layer, ServiceExt};
use tower_webhook::{Access, Secrets, Webhook, WebhookLayer, alegra::Alegra};

use crate::util::{ALEGRA, Handler, delivered, post, post_to};

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

/// A service that is built once and serves while its secrets change.
fn server(access: Access) -> Webhook<Handler, Alegra> {
    WebhookLayer::new(Alegra::new(), access).layer(Handler::answers(204))
}

/// The statuses for a POST to each of these secrets.
async fn statuses(webhook: &Webhook<Handler, Alegra>, secrets: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for secret in secrets {
        let response = webhook.clone().oneshot(post_to(secret, ALEGRA)).await;
        statuses.push(response.unwrap().status().as_u16());
    }
    statuses
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
async fn a_secret_is_accepted_from_its_insertion_to_its_removal() {
    let secrets = Secrets::new([A]);
    let webhook = server(Access::path(&secrets));
    assert_eq!(statuses(&webhook, &[A, B]).await, [204, 404]);
    secrets.insert(B).unwrap();
    assert_eq!(statuses(&webhook, &[A, B]).await, [204, 204]);
    assert!(secrets.remove(A));
    assert_eq!(statuses(&webhook, &[A, B]).await, [404, 204]);
    assert!(!secrets.remove(A), "it is gone already");
    assert!(!secrets.remove(&B[1..]), "a part of a secret is none");
    assert_eq!(statuses(&webhook, &[A, B]).await, [404, 204]);
}

#[tokio::test]
async fn a_secret_in_the_query_changes_too() {
    let secrets = Secrets::new([A]);
    let access = Access::query("token", secrets.clone());
    secrets.insert(("shop", B)).unwrap();
    let shop = (204, Some("shop".to_owned()));
    assert_eq!(open(&access, &format!("/x?token={B}")).await, shop);
    secrets.remove(A);
    assert_eq!(status_at(&access, &format!("/x?token={A}")).await, 404);
}

#[tokio::test]
async fn a_handle_without_secrets_admits_nobody() {
    let secrets = Secrets::default();
    let webhook = server(Access::path(&secrets));
    assert_eq!(statuses(&webhook, &[A, ""]).await, [404, 404]);
    secrets.insert(A).unwrap();
    assert_eq!(statuses(&webhook, &[A, ""]).await, [204, 404]);
    secrets.remove(A);
    assert_eq!(statuses(&webhook, &[A, ""]).await, [404, 404]);
}

#[tokio::test]
async fn a_tenant_comes_rotates_its_secret_and_goes() {
    let secrets = Secrets::new([("other", C)]);
    let access = Access::path(&secrets);
    let tenant = async |secret: &str| open(&access, &format!("/{secret}")).await;
    let is = |label: &str| (204, Some(label.to_owned()));
    secrets.insert(("shop", A)).unwrap();
    secrets.insert(("shop", B)).unwrap();
    assert_eq!([tenant(A).await, tenant(B).await], [is("shop"), is("shop")]);
    assert!(secrets.remove(A));
    assert_eq!(
        [tenant(A).await, tenant(B).await],
        [(404, None), is("shop")]
    );
    secrets.insert(("shop", A)).unwrap();
    assert_eq!(secrets.remove_label("shop"), 2);
    assert_eq!(secrets.remove_label("shop"), 0);
    assert_eq!(
        [tenant(A).await, tenant(B).await],
        [(404, None), (404, None)]
    );
    assert_eq!(tenant(C).await, is("other"));
}

#[tokio::test]
async fn a_secret_that_is_given_twice_is_removed_at_once() {
    let secrets = Secrets::new([("shop", A), ("shop", A)]);
    secrets.insert(("shop", A)).unwrap();
    let webhook = server(Access::path(&secrets));
    assert_eq!(statuses(&webhook, &[A]).await, [204]);
    assert!(secrets.remove(A));
    assert_eq!(statuses(&webhook, &[A]).await, [404]);
}

#[tokio::test]
async fn a_secret_keeps_its_tenant_when_another_claims_it() {
    let secrets = Secrets::new([("shop", A)]);
    let access = Access::path(&secrets);
    for claims in [secrets.insert(("other", A)), secrets.insert(A)] {
        claims.unwrap_err();
        let opened = open(&access, &format!("/{A}")).await;
        assert_eq!(opened, (204, Some("shop".to_owned())));
    }
    assert_eq!(secrets.remove_label("other"), 0);
    assert!(secrets.remove(A));
    assert_eq!(status_at(&access, &format!("/{A}")).await, 404);
}

/// Each thread inserts secrets of its own and removes every second one.
#[tokio::test]
async fn changes_at_the_same_time_lose_no_secret() {
    const THREADS: usize = 4;
    const EACH: usize = 200;
    let own = |thread: usize, number: usize| format!("{thread:08}{number:08}");
    let secrets = Secrets::new([A]);
    let webhook = server(Access::path(&secrets));
    let start = Arc::new(Barrier::new(THREADS));
    let threads = Vec::from_iter((0..THREADS).map(|thread| {
        let (secrets, start) = (secrets.clone(), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            for number in 0..EACH {
                secrets.insert(own(thread, number)).unwrap();
                if number % 2 == 1 {
                    assert!(secrets.remove(&own(thread, number)));
                }
            }
        })
    }));
    while !threads.iter().all(JoinHandle::is_finished) {
        assert_eq!(statuses(&webhook, &[A]).await, [204]);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    for thread in 0..THREADS {
        for number in 0..EACH {
            let expected = if number % 2 == 0 { 204 } else { 404 };
            let secret = own(thread, number);
            let statuses = statuses(&webhook, &[&secret]).await;
            assert_eq!(statuses, [expected], "{secret}");
        }
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
