use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};

/// A request, or a [record](crate::Record) that is replayed, as a provider's code gets it.
///
/// A replay is rebuilt from the record: its method, the headers of
/// [`Rules::keep_headers`](crate::Rules::keep_headers), the content type, the query if
/// [`Rules::keep_query`](crate::Rules::keep_query) is set, the body and the tenant. Its path is `/`.
/// [`Provider::decode`](crate::Provider::decode) must not need more than that.
///
/// [`Debug`] prints the method and the sizes, and nothing that the sender wrote.
///
/// # Examples
///
/// For the tests of a provider:
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use tower_webhook::Incoming;
///
/// let request = Request::post("/hook").header("x-kind", "paid").body(()).unwrap();
/// let (head, ()) = request.into_parts();
/// let body = Bytes::from_static(b"{}");
/// let request = Incoming::new(&head, &body);
/// assert_eq!(request.header("X-Kind"), Some("paid"));
/// ```
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    head: &'a Parts,
    body: &'a Bytes,
    tenant: Option<&'a str>,
    key: Option<&'a [u8]>,
}

impl<'a> Incoming<'a> {
    /// The request of this head and body, of no tenant.
    #[must_use]
    pub fn new(head: &'a Parts, body: &'a Bytes) -> Self {
        Self {
            head,
            body,
            tenant: None,
            key: None,
        }
    }

    /// The same request, of this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Option<&'a str>) -> Self {
        self.tenant = tenant;
        self
    }

    /// The same request, whose signature this key made.
    pub(crate) fn with_key(mut self, key: Option<&'a [u8]>) -> Self {
        self.key = key;
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.head.method
    }

    /// The path, as it was sent. With [`Access::path`](crate::Access::path) it holds the secret.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.head.uri.path()
    }

    /// The whole query, as it was sent.
    #[must_use]
    pub fn query_string(&self) -> Option<&'a str> {
        self.head.uri.query()
    }

    /// The value of a parameter that occurs exactly once in the query, percent-decoded.
    #[cfg(feature = "signed")]
    #[must_use]
    pub fn query(&self, name: &str) -> Option<std::borrow::Cow<'a, str>> {
        let query = self.query_string()?.as_bytes();
        let mut values = form_urlencoded::parse(query).filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.head.headers
    }

    /// The value of a header that occurs exactly once and is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.head.headers.get_all(name).into_iter();
        let value = values.next()?;
        value.to_str().ok().filter(|_| values.next().is_none())
    }

    /// The body as it arrived, byte for byte.
    #[must_use]
    pub fn body(&self) -> &'a Bytes {
        self.body
    }

    /// The tenant so far: the label of the URL's secret. In
    /// [`decode`](crate::Provider::decode) also that of the key that made the signature, and in a
    /// replay that of the record.
    #[must_use]
    pub fn tenant(&self) -> Option<&'a str> {
        self.tenant
    }

    /// The key that made the signature, if one was verified.
    #[cfg_attr(not(feature = "signed"), expect(dead_code))]
    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        self.key
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("method", &self.method())
            .field("headers", &self.headers().len())
            .field("len", &self.body.len())
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
