//! axum: at which places, among which layers and with which extractors the layer works.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::{Extension, Path, Request, State},
    handler::{Handler, HandlerWithoutStateExt},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, get, post},
    serve,
};
use bytes::Bytes;
use futures::stream;
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, limit::GlobalConcurrencyLimitLayer,
    load_shed::LoadShedLayer, util::option_layer,
};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer,
    limit::RequestBodyLimitLayer, map_request_body::MapRequestBodyLayer,
    map_response_body::MapResponseBodyLayer, trace::TraceLayer,
};
use tower_webhook::{Delivery, RejectionKind, alegra, bsale};

use super::wire::{self, Held, WRONG};
use crate::util::{ALEGRA, BSALE, PANIC, SECRET, alegra, bsale, rejection, text};

const PATH: &str = "/webhooks/{secret}";

pub(super) async fn on_alegra(delivery: Delivery<alegra::Event>) -> StatusCode {
    match delivery.event() {
        alegra::Event::NewClient(_) => StatusCode::NO_CONTENT,
        _ => StatusCode::IM_A_TEAPOT,
    }
}

fn router(route: MethodRouter) -> Router {
    Router::new().route(PATH, route)
}

fn right() -> String {
    format!("/webhooks/{SECRET}")
}

fn request(path: &str, body: impl Into<Body>) -> Request {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    request.body(body.into()).unwrap()
}

async fn answer<S>(app: &S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    app.clone().oneshot(request).await.unwrap()
}

/// What a probe, a delivery, and one with the wrong secret are answered.
async fn three<S>(app: S) -> [u16; 3]
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    three_at(app, &right(), WRONG).await
}

async fn three_at<S>(app: S, right: &str, wrong: &str) -> [u16; 3]
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    let probe = answer(&app, request(right, "")).await;
    let delivery = answer(&app, request(right, ALEGRA)).await;
    let stranger = answer(&app, request(wrong, ALEGRA)).await;
    assert_eq!(rejection(&stranger), Some(RejectionKind::NotFound));
    [probe, delivery, stranger].map(|answer| answer.status().as_u16())
}

const SOUND: [u16; 3] = [200, 204, 404];

// Places

#[tokio::test]
async fn around_the_handler_the_method_router_or_the_router() {
    let service = alegra().layer(on_alegra.into_service());
    for app in [
        Router::new().route_service(PATH, service),
        router(post(on_alegra.layer(alegra()))),
        router(post(on_alegra).route_layer(alegra())),
        router(post(on_alegra).layer(alegra())),
        router(any(on_alegra).layer(alegra())),
        router(post(on_alegra)).route_layer(alegra()),
        router(post(on_alegra)).layer(alegra()),
    ] {
        assert_eq!(three(app).await, SOUND);
    }
}

/// The layer sees the path without the outer prefix.
#[tokio::test]
async fn in_a_nested_router() {
    let inner = Router::new().route("/alegra/{secret}", post(on_alegra).route_layer(alegra()));
    let app = Router::new().nest("/webhooks", inner);
    let right = format!("/webhooks/alegra/{SECRET}");
    let wrong = "/webhooks/alegra/0123456789abcdef";
    assert_eq!(three_at(app, &right, wrong).await, SOUND);
}

#[tokio::test]
async fn in_a_merged_router_beside_another_provider() {
    let alegra = router(post(on_alegra).route_layer(alegra()));
    let on_bsale = async |_: Delivery<bsale::Event>| StatusCode::CREATED;
    let bsale = Router::new().route("/bsale/{secret}", post(on_bsale).route_layer(bsale()));
    let app = alegra.merge(bsale).route("/", get(async || "shop"));
    assert_eq!(three(app.clone()).await, SOUND);
    let delivery = request(&format!("/bsale/{SECRET}"), BSALE);
    assert_eq!(answer(&app, delivery).await.status(), StatusCode::CREATED);
    let home = Request::new(Body::empty());
    assert_eq!(answer(&app, home).await.status(), StatusCode::OK);
}

/// As the service of a path, the layer sees every method and answers 404 without the secret. On a
/// method, axum answers other methods. On a router, the layer answers probes at every path.
#[tokio::test]
async fn the_place_of_the_layer_decides_who_answers_404_and_405() {
    let on_the_path = Router::new().route_service(PATH, alegra().layer(on_alegra.into_service()));
    let on_the_route = router(post(on_alegra).route_layer(alegra()));
    let on_the_router = router(post(on_alegra)).layer(alegra());
    let elsewhere = format!("/elsewhere/{SECRET}");
    let status = async |app, request| answer(app, request).await.status().as_u16();
    assert_eq!(status(&on_the_path, request(&elsewhere, "")).await, 404);
    assert_eq!(status(&on_the_route, request(&elsewhere, "")).await, 404);
    assert_eq!(status(&on_the_router, request(&elsewhere, "")).await, 200);
    let put = |path: &str| Request::put(path).body(Body::empty()).unwrap();
    for app in [&on_the_path, &on_the_route, &on_the_router] {
        assert_eq!(status(app, put(&right())).await, 405);
    }
    assert_eq!(status(&on_the_route, put(WRONG)).await, 405);
    assert_eq!(status(&on_the_path, put(WRONG)).await, 404);
}

/// Around a method router, the layer sees every method. `any` adds nothing to its answers. `post` adds
/// `Allow` to the 404 of a caller that lacks the secret.
#[tokio::test]
async fn a_layer_on_the_method_router_sees_every_method() {
    for (route, allow) in [
        (any(on_alegra).layer(alegra()), None),
        (post(on_alegra).layer(alegra()), Some("POST")),
    ] {
        let app = router(route);
        for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
            let request = |path: &str| {
                let request = Request::builder().method(method).uri(path);
                request.body(Body::empty()).unwrap()
            };
            let stranger = answer(&app, request(WRONG)).await;
            assert_eq!(stranger.status(), StatusCode::NOT_FOUND, "{method}");
            let allowed = stranger.headers().get(ALLOW);
            assert_eq!(allowed.map(|value| value.to_str().unwrap()), allow);

            let refused = answer(&app, request(&right())).await;
            assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(refused.headers()[ALLOW], "POST");
        }
    }
}

#[tokio::test]
async fn over_a_router_with_a_state() {
    let handler = async |State(status): State<StatusCode>, _: Delivery<alegra::Event>| status;
    let route = Router::new().route(PATH, post(handler).route_layer(alegra()));
    let webhook = alegra().layer(handler.with_state(StatusCode::NO_CONTENT));
    for app in [
        route.with_state(StatusCode::NO_CONTENT),
        Router::new().route_service(PATH, webhook),
    ] {
        assert_eq!(three(app).await, SOUND);
    }
}

// Among other layers

#[tokio::test]
async fn layers_of_tower_http_outside_and_inside() {
    let outside = || {
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http())
            .layer(CorsLayer::permissive())
            .layer(CatchPanicLayer::new())
            .layer(CompressionLayer::new())
            .layer(RequestBodyLimitLayer::new(4096))
            .layer(alegra())
    };
    let inside = || {
        ServiceBuilder::new()
            .layer(alegra())
            .layer(TraceLayer::new_for_http())
            .layer(CatchPanicLayer::new())
            .layer(CompressionLayer::new())
    };
    let on_either_side = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(alegra())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new());
    for app in [
        router(post(on_alegra).route_layer(outside())),
        router(post(on_alegra)).layer(outside()),
        router(post(on_alegra).route_layer(inside())),
        router(post(on_alegra)).layer(inside()),
        router(post(on_alegra).route_layer(on_either_side)),
    ] {
        assert_eq!(three(app).await, SOUND);
    }
}

#[tokio::test]
async fn a_limit_outside_is_413() {
    let frames = || {
        let frame = || Ok::<_, Infallible>(Bytes::from_static(b"          "));
        Body::from_stream(stream::iter([frame(), frame()]))
    };
    let limit = || RequestBodyLimitLayer::new(16);
    for app in [
        router(post(on_alegra).layer((limit(), alegra()))),
        router(post(on_alegra).layer(alegra())).layer(limit()),
    ] {
        let response = answer(&app, request(&right(), frames())).await;
        assert_eq!(response.status(), 413);
        assert_eq!(rejection(&response), Some(RejectionKind::TooLarge));
    }
}

/// `Cors` makes bodies by `Default`, which the inner body does not implement.
#[tokio::test]
async fn cors_outside_adds_its_header_to_the_layers_own_answers() {
    let stack = (
        CorsLayer::permissive(),
        alegra(),
        TraceLayer::new_for_http(),
    );
    let app = router(post(on_alegra).layer(stack));
    for (body, status) in [("", 200), (ALEGRA, 204), ("[1]", 400)] {
        let answer = answer(&app, request(&right(), body)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{body}");
    }
}

#[tokio::test]
async fn the_layer_answers_a_panic_unless_an_inner_layer_catches_it() {
    let handler = async |_: Delivery<alegra::Event>| -> StatusCode { panic!("{}", PANIC) };
    let theirs = || CatchPanicLayer::custom(|_| StatusCode::BAD_GATEWAY.into_response());
    let outside = router(post(handler).layer((theirs(), alegra())));
    let outside = answer(&outside, request(&right(), ALEGRA)).await;
    let inside = router(post(handler).layer((alegra(), theirs())));
    let inside = answer(&inside, request(&right(), ALEGRA)).await;
    assert_eq!(outside.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rejection(&outside), Some(RejectionKind::Panicked));
    assert_eq!(inside.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(rejection(&inside), None);
}

#[tokio::test]
async fn the_handlers_answer_may_be_compressed_on_either_side() {
    let handler = async |_: Delivery<alegra::Event>| "done ".repeat(100);
    for app in [
        router(post(handler).layer((CompressionLayer::new(), alegra()))),
        router(post(handler).layer((alegra(), CompressionLayer::new()))),
    ] {
        let mut request = request(&right(), ALEGRA);
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        let answer = answer(&app, request).await;
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..2], b"\x1f\x8b");
    }
}

/// `from_fn` takes axum's body only.
#[tokio::test]
async fn from_fn_inside_in_one_builder_needs_the_body_mapped() {
    let stamp = async |request: Request, next: Next| ([("x-stamp", "")], next.run(request).await);
    let stack = ServiceBuilder::new()
        .layer(alegra())
        .layer(MapRequestBodyLayer::new(Body::new))
        .layer(middleware::from_fn(stamp));
    let app = router(post(on_alegra).layer(stack));
    assert_eq!(three(app.clone()).await, SOUND);
    let stamped = async |body: &'static str| {
        let answer = answer(&app, request(&right(), body)).await;
        answer.headers().contains_key("x-stamp")
    };
    assert!(stamped(ALEGRA).await);
    assert!(!stamped("").await);
}

#[tokio::test]
async fn from_fn_in_a_layer_of_its_own_needs_nothing() {
    let pass = async |request: Request, next: Next| next.run(request).await;
    let route = post(on_alegra)
        .layer::<_, Infallible>(middleware::from_fn(pass))
        .layer::<_, Infallible>(alegra())
        .layer(middleware::from_fn(pass));
    assert_eq!(three(router(route)).await, SOUND);
}

/// With and without the layer, the body has to be of the same type.
#[tokio::test]
async fn an_optional_layer_needs_the_body_mapped() {
    let layer = (MapResponseBodyLayer::new(Body::new), alegra());
    let app = |layer| router(post(on_alegra).layer(option_layer(layer)));
    assert_eq!(three(app(Some(layer.clone()))).await, SOUND);
    let bare = app(Some(layer).filter(|_| false));
    let bare = answer(&bare, request(&right(), ALEGRA)).await;
    assert_eq!(bare.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// A delivery is shed while the handler is busy, and `HandleErrorLayer` answers it.
#[tokio::test]
async fn load_shed_and_a_limit_inside() {
    let held = Held::default();
    let runs = held.clone();
    let handler = async move |delivery: Delivery<alegra::Event>| {
        runs.run().await;
        on_alegra(delivery).await
    };
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| {
            StatusCode::TOO_MANY_REQUESTS
        }))
        .layer(alegra())
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1));
    let app = router(post(handler).layer(stack));
    let crowd = async {
        held.begun().await;
        let shed = answer(&app, request(&right(), ALEGRA)).await.status();
        let probe = answer(&app, request(&right(), "")).await.status();
        held.finish();
        (shed, probe)
    };
    let first = answer(&app, request(&right(), ALEGRA));
    let (first, crowd) = wire::soon(async { tokio::join!(first, crowd) }).await;
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    assert_eq!(crowd, (StatusCode::TOO_MANY_REQUESTS, StatusCode::OK));
}

// Extractors

/// The answer of an app with that route to the usual delivery.
async fn answered_by(route: MethodRouter) -> (u16, String) {
    let app = router(route);
    let answer = answer(&app, request(&right(), ALEGRA)).await;
    (answer.status().as_u16(), text(answer).await)
}

#[tokio::test]
async fn a_delivery_works_beside_every_other_extractor() {
    type NewClient = Delivery<alegra::Event>;

    let bytes = async |_: NewClient, bytes: Bytes| bytes;
    let text = async |_: NewClient, text: String| text;
    let request = async |_: NewClient, request: Request| request.into_body();
    let raw = async |delivery: NewClient| delivery.raw().clone();
    let twice = async |one: NewClient, Extension(two): Extension<NewClient>| {
        assert!(std::ptr::eq(one.event(), two.event()));
        two.raw().clone()
    };
    let path = async |Path(secret): Path<String>, _: NewClient| secret;
    let json =
        async |_: NewClient, Json(json): Json<serde_json::Value>| json["subject"].to_string();
    for (route, expected) in [
        (post(bytes), ALEGRA),
        (post(text), ALEGRA),
        (post(request), ALEGRA),
        (post(raw), ALEGRA),
        (post(twice), ALEGRA),
        (post(path), SECRET),
        (post(json), r#""new-client""#),
    ] {
        let answered = answered_by(route.layer(alegra())).await;
        assert_eq!(answered, (200, expected.to_owned()));
    }
}

#[tokio::test]
async fn a_delivery_without_its_layer_names_both_causes() {
    let expected = format!(
        "the request holds no Delivery<{}>: either this route has no WebhookLayer around it, \
         or it has that of another provider",
        std::any::type_name::<alegra::Event>()
    );
    let expected = (500, expected);
    assert_eq!(answered_by(post(on_alegra)).await, expected);

    let theirs = router(post(on_alegra).layer(bsale()));
    let answer = answer(&theirs, request(&right(), BSALE)).await;
    assert_eq!((answer.status().as_u16(), text(answer).await), expected);
}

// Served

/// `axum::serve` takes only a router or a service with axum's body.
#[tokio::test]
async fn served_bare_around_the_router_needs_the_body_mapped() {
    let app = ServiceBuilder::new()
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(alegra())
        .service(router(post(on_alegra)));
    assert_eq!(three(app.clone()).await, SOUND);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::ServiceExt::<Request>::into_make_service(app);
    tokio::spawn(async { serve(listener, app).await });
    for version in wire::VERSIONS {
        let mut client = wire::Client::dial(version, address).await;
        let mut status = async |request| client.send(request).await.status().as_u16();
        assert_eq!(status(wire::post(wire::whole(""))).await, 200);
        assert_eq!(status(wire::post(wire::whole(ALEGRA))).await, 204);
        assert_eq!(status(wire::to(WRONG, wire::whole(ALEGRA))).await, 404);
    }
}

#[tokio::test]
async fn a_delivery_that_may_be_missing_is_none_without_a_layer_and_an_error_under_another() {
    async fn maybe(delivery: Option<Delivery<alegra::Event>>) -> String {
        delivery.map_or("none".into(), |it| it.provider().to_owned())
    }

    let app = Router::new()
        .route("/alegra/{secret}", any(maybe).layer(alegra()))
        .route("/bsale/{secret}", any(maybe).layer(bsale()))
        .route("/plain/{secret}", any(maybe));
    let ask = async |path: &str, body: &'static str| {
        let request = Request::post(format!("/{path}/{SECRET}"));
        let request = request.body(Body::from(body)).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        (response.status().as_u16(), text(response).await)
    };
    assert_eq!(ask("alegra", ALEGRA).await, (200, "alegra".to_owned()));
    assert_eq!(ask("plain", ALEGRA).await, (200, "none".to_owned()));
    let (status, text) = ask("bsale", BSALE).await;
    assert_eq!(status, 500);
    assert!(text.contains("it has that of another provider"), "{text}");
}
