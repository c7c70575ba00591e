use std::convert::Infallible;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::RequestBody;

use crate::util::{ALEGRA, alegra, ms, ok, post};

#[derive(Clone, Debug, PartialEq)]
struct Mark(u8);

/// Status, version, headers, extensions, every frame and the trailers. The deadline is for the head
/// alone: the body streams on.
#[tokio::test(start_paused = true)]
async fn an_answer_in_time_passes_unchanged() {
    let inner = service_fn(async |_request: Request<RequestBody>| {
        let frames = stream::iter(["one ", "two ", "three"]).then(async |text| {
            sleep(ms(9000)).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from(text)))
        });
        let mut trailers = HeaderMap::new();
        trailers.insert("x-trailer", HeaderValue::from_static("end"));
        let end = stream::iter([Ok(Frame::trailers(trailers))]);
        let mut response = Response::new(StreamBody::new(Box::pin(frames.chain(end))));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        *response.version_mut() = Version::HTTP_2;
        for value in ["1", "2"] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().append("x-twice", value);
        }
        response.extensions_mut().insert(Mark(7));
        Ok::<_, Infallible>(response)
    });
    let start = Instant::now();
    let response = alegra().layer(inner).oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.version(), Version::HTTP_2);
    let twice: Vec<_> = response.headers().get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    assert_eq!(response.headers().len(), 2);
    assert_eq!(response.extensions().get(), Some(&Mark(7)));
    assert_eq!(start.elapsed(), ms(0));

    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert!(!body.is_end_stream());
    let body = body.collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-trailer"], "end");
    assert_eq!(body.to_bytes(), "one two three");
    assert_eq!(start.elapsed(), ms(27_000));
}

/// The handler reads what was sent: the head, what outer layers added to it, and the body.
#[tokio::test]
async fn the_request_reaches_the_handler_unchanged() {
    let mut request = post(ALEGRA);
    let uri = format!("{}?a=b", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    *request.version_mut() = Version::HTTP_10;
    let value = HeaderValue::from_static("kept");
    request.headers_mut().insert("x-custom", value);
    request.extensions_mut().insert(Mark(9));

    let (sent, _) = request.clone().into_parts();
    let inner = service_fn(move |request: Request<RequestBody>| {
        let sent = sent.clone();
        async move {
            yield_now().await;
            assert_eq!(request.method(), sent.method);
            assert_eq!(request.uri(), &sent.uri);
            assert_eq!(request.version(), sent.version);
            assert_eq!(request.headers(), &sent.headers);
            assert_eq!(request.extensions().get(), Some(&Mark(9)));
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, ALEGRA);
            ok(Request::default()).await
        }
    });
    let response = alegra().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 204);
}
