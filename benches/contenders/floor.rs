//! (a) The floor: the body is read and answered, nothing else. Nobody would run this.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;

pub async fn floor(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let body = request.into_body().collect().await;
    std::hint::black_box(body.map(|body| body.to_bytes()).ok());
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}
