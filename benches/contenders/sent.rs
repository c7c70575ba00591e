//! A request that is sent again and again.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};

use super::{PATH, signed};

#[derive(Clone)]
pub struct Sent {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    frames: Option<usize>,
}

impl Sent {
    pub fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1"));
        headers.insert(USER_AGENT, HeaderValue::from_static("bench"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, body.len().into());
        Self {
            uri: Uri::from_static(PATH),
            headers,
            body,
            frames: None,
        }
    }

    /// With the signature that the receivers of [`signed`] look for.
    pub fn signed(body: impl Into<Bytes>) -> Self {
        let mut sent = Self::new(body);
        let signature = signed::signature(&sent.body);
        sent.headers.insert(signed::HEADER, signature);
        sent
    }

    /// To another path.
    pub fn to(mut self, path: &str) -> Self {
        self.uri = path.parse().expect("a path");
        self
    }

    /// In frames of that many bytes.
    pub fn frames(mut self, bytes: usize) -> Self {
        self.frames = Some(bytes);
        self
    }

    pub fn request(&self) -> Request<Body> {
        let mut request = Request::post(self.uri.clone())
            .body(self.body())
            .expect("a request");
        *request.headers_mut() = self.headers.clone();
        request
    }

    fn body(&self) -> Body {
        let Some(bytes) = self.frames else {
            return Body::from(self.body.clone());
        };
        let frames: Vec<_> = (0..self.body.len())
            .step_by(bytes)
            .map(|at| self.body.slice(at..(at + bytes).min(self.body.len())))
            .map(Ok::<_, Infallible>)
            .collect();
        Body::from_stream(stream::iter(frames))
    }
}
