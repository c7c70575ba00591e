use std::str::Utf8Error;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, header::CONTENT_TYPE, request::Parts,
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Access,
    provider::{Rules, is_credential},
    rejection::Rejection,
};

/// The content type of a head that keeps none.
const JSON: &str = "application/json";

/// What a record keeps of a request's head, as it is written.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptHead {
    /// `None` for POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<(Box<str>, Box<str>)>,
}

impl KeptHead {
    pub(crate) fn of(head: &Parts, rules: &Rules, access: &Access) -> Self {
        let query = head.uri.query().filter(|_| rules.keeps_query);
        Self {
            method: (head.method != Method::POST).then(|| head.method.as_str().into()),
            query: query.and_then(|query| kept_query(access.query_parameter(), query)),
            headers: headers(&head.headers, &rules.kept_headers),
        }
    }

    /// The head of the replayed request. Fails if somebody has edited the record.
    pub(crate) fn parts(&self) -> Result<Parts, Rejection> {
        let mut request = Request::builder().method(self.method.as_deref().unwrap_or("POST"));
        request = match &self.query {
            Some(query) => request.uri(format!("/?{query}")),
            None => request.uri("/"),
        };
        for (name, value) in &self.headers {
            request = request.header(&**name, &**value);
        }
        let request = request.body(());
        let request = request.map_err(|_| {
            Rejection::malformed("the method, query or headers of the record are not valid")
        })?;
        let (mut head, ()) = request.into_parts();
        let json = HeaderValue::from_static(JSON);
        head.headers.entry(CONTENT_TYPE).or_insert(json);
        Ok(head)
    }
}

fn headers(all: &HeaderMap, kept: &[HeaderName]) -> Vec<(Box<str>, Box<str>)> {
    // All values or none: with one left out, another would be the only one.
    let values = |name: &HeaderName| {
        let values = all.get_all(name).into_iter();
        let texts = values.map(|value| std::str::from_utf8(value.as_bytes()));
        let pairs = texts.map(|text| Ok((name.as_str().into(), text?.into())));
        pairs
            .collect::<Result<Vec<_>, Utf8Error>>()
            .unwrap_or_default()
    };
    let is_json = all
        .get_all(CONTENT_TYPE)
        .into_iter()
        .all(|value| value == JSON);
    let content_type = (!is_json).then(|| values(&CONTENT_TYPE));
    let others = kept.iter().filter(|name| *name != CONTENT_TYPE);
    content_type
        .into_iter()
        .chain(others.map(values))
        .flatten()
        .collect()
}

/// The query without this parameter, and without others that look like credentials.
fn kept_query(secret: Option<&str>, query: &str) -> Option<Box<str>> {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && Some(name) != secret && !is_credential(name)
    });
    let kept = kept.collect::<Vec<_>>().join("&");
    (!kept.is_empty()).then(|| kept.into())
}
