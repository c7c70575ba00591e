//! hyper alone, over a real socket, with HTTP/1 and HTTP/2: answers reach the client though the
//! body was not read to its end, and a client that hangs up does not cancel its handler.

use std::{convert::Infallible, sync::Arc};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{net::TcpStream, sync::Notify};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Delivery, OutcomeKind, RequestBody, WebhookLayer,
    alegra::{self, Alegra},
};

use super::wire::{
    Client, Held, Upload, VERSIONS, Version, WRONG, listen, part, post, soon, to, told, whole,
};
use crate::util::{ALEGRA, PANIC, Reply, Store, alegra, ms, ok, quiet_panics, reply};

async fn on_alegra(request: Request<RequestBody>) -> Result<Reply, Infallible> {
    let delivery = request.extensions().get::<Delivery<alegra::Event>>();
    Ok(reply(match delivery.map(Delivery::event) {
        Some(alegra::Event::NewClient(_)) => StatusCode::NO_CONTENT,
        _ => panic!("{PANIC}"),
    }))
}

async fn client(version: Version, layer: WebhookLayer<Alegra>) -> Client {
    Client::dial(version, listen(layer.layer(service_fn(on_alegra))).await).await
}

/// The answers to one request on a connection of its own, with each version.
async fn answers(
    layer: impl Fn() -> WebhookLayer<Alegra>,
    request: impl Fn() -> Request<Upload>,
) -> [Response<Incoming>; 2] {
    let [http1, http2] = VERSIONS;
    [
        client(http1, layer()).await.send(request()).await,
        client(http2, layer()).await.send(request()).await,
    ]
}

async fn statuses(
    layer: impl Fn() -> WebhookLayer<Alegra>,
    request: impl Fn() -> Request<Upload>,
) -> [u16; 2] {
    answers(layer, request)
        .await
        .map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn a_probe_deliveries_a_panic_and_a_wrong_secret_on_one_connection() {
    quiet_panics();
    let unknown = r#"{"subject":"new-payment","message":{}}"#;
    for version in VERSIONS {
        let mut client = client(version, alegra()).await;
        let mut status = async |request| client.send(request).await.status().as_u16();
        assert_eq!(status(post(whole(""))).await, 200, "{version:?}");
        assert_eq!(status(post(whole(ALEGRA))).await, 204, "{version:?}");
        assert_eq!(status(to(WRONG, whole(ALEGRA))).await, 404, "{version:?}");
        assert_eq!(status(post(whole(unknown))).await, 500, "{version:?}");
        assert_eq!(status(post(whole(ALEGRA))).await, 204, "{version:?}");
    }
}

#[tokio::test]
async fn a_probe_may_have_no_length() {
    let ended = || post(Upload::default());
    assert_eq!(statuses(alegra, ended).await, [200, 200]);
}

#[tokio::test]
async fn a_refusal_of_the_head_reaches_the_client_that_sends_no_body() {
    let unread = || part(ALEGRA);
    assert_eq!(statuses(alegra, || to(WRONG, unread())).await, [404, 404]);

    let put = || Request::put(post(unread()).uri()).body(unread()).unwrap();
    assert_eq!(statuses(alegra, put).await, [405, 405]);

    let with = |name: HeaderName, value: &'static str| {
        let mut request = post(unread());
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
        request
    };
    let gzip = || with(CONTENT_ENCODING, "gzip");
    assert_eq!(statuses(alegra, gzip).await, [415, 415]);
    let announced = || with(CONTENT_LENGTH, "1048577");
    assert_eq!(statuses(alegra, announced).await, [413, 413]);
}

#[tokio::test]
async fn a_refusal_of_the_body_reaches_the_client_that_does_not_end_it() {
    let slow = || alegra().deadline(ms(50));
    assert_eq!(statuses(slow, || post(part(ALEGRA))).await, [408, 408]);

    let small = || alegra().body_limit(ALEGRA.len() - 1);
    assert_eq!(statuses(small, || post(part(ALEGRA))).await, [413, 413]);
}

#[tokio::test]
async fn an_answer_of_the_layer_has_an_empty_body_and_its_header() {
    let get = || Request::get(post(whole("")).uri()).body(whole("")).unwrap();
    for answer in answers(alegra, get).await {
        assert_eq!(answer.headers()[ALLOW], "POST");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "");
    }
}

/// By closing its connection, or by a reset of its HTTP/2 stream, which hyper takes for the body's
/// normal end if its error is `NO_ERROR`.
#[tokio::test]
async fn a_body_that_its_client_breaks_off_is_neither_a_probe_nor_a_letter() {
    for (version, sent) in VERSIONS
        .into_iter()
        .flat_map(|it| [(it, ""), (it, "{\"subj")])
    {
        let (layer, mut told) = told();
        let store = Store::default();
        let begun = Arc::new(Notify::new());
        let begins = Arc::clone(&begun);
        let webhook = layer.dead_letters(store.clone());
        let webhook = webhook.layer(service_fn(on_alegra));
        let address = listen(webhook.map_request(move |request| {
            begins.notify_one();
            request
        }));
        let address = address.await;
        let mut head = post(part(sent));
        head.headers_mut()
            .insert(CONTENT_LENGTH, ALEGRA.len().into());
        match version {
            Version::Http1 => {
                let mut client = Client::dial(version, address).await;
                tokio::select! {
                    _ = client.send(head) => panic!("an answer"),
                    () = soon(begun.notified()) => {}
                }
            }
            Version::Http2 => {
                let stream = TcpStream::connect(address).await.unwrap();
                let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                let (_, mut body) = client.send_request(head.map(drop), false).unwrap();
                body.send_data(sent.into(), false).unwrap();
                soon(begun.notified()).await;
                body.send_reset(h2::Reason::NO_ERROR);
            }
        }
        let rejected = (OutcomeKind::Rejected, false);
        let seen = soon(told.recv()).await;
        assert_eq!(seen, Some(rejected), "{version:?} {sent:?}");
        assert!(store.letters().is_empty(), "{version:?} {sent:?}");
    }
}

#[tokio::test]
async fn a_handler_finishes_though_the_client_hangs_up() {
    for version in VERSIONS {
        let (layer, mut told) = told();
        let held = Held::default();
        let runs = held.clone();
        let handler = service_fn(move |request| {
            let held = runs.clone();
            async move {
                held.run().await;
                ok(request).await
            }
        });
        let mut client = Client::dial(version, listen(layer.layer(handler)).await).await;
        let request = tokio::spawn(async move { client.send(post(whole(ALEGRA))).await });
        held.begun().await;
        request.abort();
        let hung_up = (OutcomeKind::GivenUp, false);
        assert_eq!(soon(told.recv()).await, Some(hung_up), "{version:?}");
        held.finish();
        let finished = (OutcomeKind::Handled, true);
        assert_eq!(soon(told.recv()).await, Some(finished), "{version:?}");
        assert_eq!(layer.background().drain(ms(10_000)).await, 0);
    }
}
