//! Requests for the in-process benches.

#![allow(dead_code, unreachable_pub)] // Each bench uses a part of it.

pub mod signed;

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{
    HeaderMap, HeaderValue, Request,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};
use serde_json::Value;

use crate::contenders::PATH;

/// The providers' documented samples.
pub const NOTICE: &str = include_str!("../../tests/data/bsale/document.json");
pub const CLIENT: &str = include_str!("../../tests/data/alegra/new-client.json");
pub const INVOICE: &str = include_str!("../../tests/data/alegra/new-invoice.json");

/// The documented invoice with its line repeated until the body has about 100 KB.
pub fn long_invoice() -> String {
    let mut invoice: Value = serde_json::from_str(INVOICE).expect("the sample is JSON");
    let items = &mut invoice["message"]["invoice"]["items"];
    let line = items[0].clone();
    let bytes = serde_json::to_string_pretty(&line).expect("a value is JSON");
    // Pretty-printing inside the invoice indents each line of the item further.
    let indented = bytes.len() + 8 * bytes.lines().count() + 2;
    *items = vec![line; 100_000 / indented].into();
    // The subject comes first, as in the sample. A map of `serde_json` may sort its keys.
    let (subject, message) = (&invoice["subject"], &invoice["message"]);
    format!(r#"{{ "subject": {subject}, "message": {message:#} }}"#)
}

/// A request that can be sent many times.
#[derive(Clone)]
pub struct Sent {
    path: &'static str,
    headers: HeaderMap,
    body: Bytes,
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
            path: PATH,
            headers,
            body,
        }
    }

    /// With the signature that the receivers of [`signed`] check.
    pub fn signed(body: impl Into<Bytes>) -> Self {
        let mut sent = Self::new(body);
        let signature = signed::signature(&sent.body);
        sent.headers.insert(signed::HEADER, signature);
        sent
    }

    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// To another path.
    pub fn to(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    pub fn request(&self) -> Request<Body> {
        self.with_body(Body::from(self.body.clone()))
    }

    /// With one frame for each byte.
    pub fn in_frames_of_one_byte(&self) -> Request<Body> {
        let bytes: Vec<_> = (0..self.body.len())
            .map(|at| Ok::<_, Infallible>(self.body.slice(at..=at)))
            .collect();
        self.with_body(Body::from_stream(stream::iter(bytes)))
    }

    fn with_body(&self, body: Body) -> Request<Body> {
        let mut request = Request::post(self.path).body(body).expect("a request");
        *request.headers_mut() = self.headers.clone();
        request
    }
}
