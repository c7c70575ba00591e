use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tower::{Layer, ServiceExt};
use tower_webhook::RequestBody;

use crate::util::{ALEGRA, Broken, alegra, ms, post};

#[derive(Clone, Debug, PartialEq)]
struct Mark(u8);

/// Status, version, headers, extensions, every frame and the trailers; only the deadline of the
/// head is the layer's business.
#[tokio::test(start_paused = true)]
async fn p8_an_answer_in_time_passes_unchanged() {
    let inner = tower::service_fn(async |_request: Request<RequestBody>| {
        let frames = futures::stream::iter(["one ", "two ", "three"]).then(async |text| {
            tokio::time::sleep(ms(9000)).await;
            Ok::<_, Broken>(Frame::data(Bytes::from(text)))
        });
        let mut trailers = HeaderMap::new();
        trailers.insert("x-trailer", HeaderValue::from_static("end"));
        let end = futures::stream::iter([Ok(Frame::trailers(trailers))]);
        let mut response = Response::new(StreamBody::new(Box::pin(frames.chain(end))));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        *response.version_mut() = Version::HTTP_2;
        response
            .headers_mut()
            .append("x-twice", "1".parse().unwrap());
        response
            .headers_mut()
            .append("x-twice", "2".parse().unwrap());
        response.extensions_mut().insert(Mark(7));
        Ok::<_, Broken>(response)
    });
    let response = alegra().layer(inner).oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.version(), Version::HTTP_2);
    let twice: Vec<_> = response.headers().get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    assert_eq!(response.headers().len(), 2);
    assert_eq!(response.extensions().get(), Some(&Mark(7)));

    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-trailer"], "end");
    assert_eq!(body.to_bytes(), "one two three");
}

/// The request, too: what the handler reads is what was sent.
#[tokio::test]
async fn p8_the_handler_s_request_is_the_sender_s() {
    let inner = tower::service_fn(async |request: Request<RequestBody>| {
        assert_eq!(request.uri().query(), Some("a=b"));
        assert_eq!(request.headers()["x-custom"], "kept");
        assert_eq!(request.extensions().get(), Some(&Mark(9)));
        assert_eq!(request.version(), Version::HTTP_10);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, ALEGRA);
        Ok::<_, Broken>(crate::util::reply(StatusCode::OK))
    });
    let mut request = post(ALEGRA);
    let uri = format!("{}?a=b", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    *request.version_mut() = Version::HTTP_10;
    request
        .headers_mut()
        .insert("x-custom", "kept".parse().unwrap());
    request.extensions_mut().insert(Mark(9));
    let response = alegra().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
}
