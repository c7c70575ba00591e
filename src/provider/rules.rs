use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};

/// What names of credentials have in them. A record must not hold those.
const CREDENTIALS: [&str; 12] = [
    "authorization",
    "signature",
    "hmac",
    "token",
    "secret",
    "cookie",
    "password",
    "credential",
    "jwt",
    "api-key",
    "api_key",
    "apikey",
];

/// Panics if it is no name of a header.
#[track_caller]
pub(crate) fn header_name(name: &str) -> HeaderName {
    let Ok(valid) = HeaderName::from_bytes(name.as_bytes()) else {
        panic!("{name:?} is no name of a header");
    };
    valid
}

/// Whether a header or a parameter of this name holds a credential.
pub(crate) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|part| name.contains(part))
}

/// What a provider requires of a receiver.
///
/// Made with [`Rules::new`]. Setters replace defaults; methods and headers are added.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) name: &'static str,
    /// All that is accepted, those of events first.
    pub(crate) methods: Vec<Method>,
    pub(crate) event_methods: Vec<Method>,
    pub(crate) deadline: Duration,
    pub(crate) deadline_limit: Option<Duration>,
    pub(crate) success: StatusCode,
    pub(crate) success_body: Bytes,
    pub(crate) exact_success: bool,
    pub(crate) body_limit: usize,
    pub(crate) strikes: Option<u32>,
    pub(crate) kept_headers: Vec<HeaderName>,
    pub(crate) keeps_query: bool,
    events: Vec<Arc<str>>,
    other: Arc<str>,
}

impl Rules {
    /// Rules for the provider of this name. Defaults: POST only, a response within 3 seconds, no known
    /// limit of the deadline, `200 OK` without a body for success, bodies up to 1 MiB, no limit of
    /// strikes, no known events, neither headers nor the query kept.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            methods: vec![Method::POST],
            event_methods: vec![Method::POST],
            deadline: Duration::from_secs(3),
            deadline_limit: None,
            success: StatusCode::OK,
            success_body: Bytes::new(),
            exact_success: false,
            body_limit: 1024 * 1024,
            strikes: None,
            kept_headers: Vec::new(),
            keeps_query: false,
            events: Vec::new(),
            other: "other".into(),
        }
    }

    /// Accepts probes by this method too. The server leaves out the body of a response to HEAD.
    #[must_use]
    pub fn probe_method(mut self, method: Method) -> Self {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self
    }

    /// Accepts events, and probes, by this method too. The response to an event by any other method is
    /// `405 Method Not Allowed`.
    #[must_use]
    pub fn event_method(mut self, method: Method) -> Self {
        if !self.event_methods.contains(&method) {
            self.event_methods.push(method.clone());
        }
        self.probe_method(method)
    }

    /// The default of [`deadline`](crate::WebhookLayer::deadline).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the provider waits for a response. A layer's deadline has to be shorter.
    #[must_use]
    pub fn deadline_limit(mut self, limit: Duration) -> Self {
        self.deadline_limit = Some(limit);
        self
    }

    /// The status and the body of a success that is not the handler's own: of a late or stored delivery.
    /// A body is sent as `text/plain`; most providers want none: `""`.
    #[must_use]
    pub fn success(mut self, status: StatusCode, body: impl Into<Bytes>) -> Self {
        self.success = status;
        self.success_body = body.into();
        self
    }

    /// Sends the [`success`](Self::success) in the place of any other 2xx of a handler: for a provider
    /// that takes that one alone. If the success has a body, it replaces the handler's own too.
    #[must_use]
    pub fn exact_success(mut self) -> Self {
        self.exact_success = true;
        self
    }

    /// The default limit of a body, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// After how many failed responses in a row the provider deletes the subscription. Only the
    /// alarms of [`Strikes`](crate::Strikes) depend on it.
    #[must_use]
    pub fn strikes(mut self, limit: u32) -> Self {
        self.strikes = Some(limit);
        self
    }

    /// The names of the known kinds of events. They are the labels of outcomes, metrics and records, with
    /// `"other"` for every other kind, so a sender cannot make new labels.
    #[must_use]
    pub fn events(mut self, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.events = names.into_iter().map(Into::into).collect();
        self
    }

    /// Also keeps these headers in the [record](crate::Record) of a delivery, so that
    /// [`Provider::decode`](crate::Provider::decode) and the handler get them again in a replay. The
    /// content type is always kept. A header with a value that is not UTF-8 is not.
    ///
    /// # Panics
    ///
    /// If a name is not valid, or if it looks like that of a credential: it has `signature`, `hmac`,
    /// `token`, `secret`, `authorization`, `cookie`, `password`, `credential`, `jwt` or `api-key` in
    /// it. A replay is never verified, and a store must not hold what lets a stranger in.
    #[must_use]
    #[track_caller]
    pub fn keep_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        for name in names {
            let name = name.as_ref();
            let valid = header_name(name);
            assert!(
                !is_credential(valid.as_str()),
                "the header {name:?} holds a credential, which a record must not keep"
            );
            if !self.kept_headers.contains(&valid) {
                self.kept_headers.push(valid);
            }
        }
        self
    }

    /// Keeps the query in the record too, without the parameter of
    /// [`Access::query`](crate::Access::query), and without those whose names look like a credential's,
    /// as for [`keep_headers`](Self::keep_headers).
    #[must_use]
    pub fn keep_query(mut self) -> Self {
        self.keeps_query = true;
        self
    }

    /// The name if it is one of [`events`](Self::events), else `"other"`.
    pub(crate) fn label(&self, name: &str) -> &Arc<str> {
        let known = self.events.iter().find(|known| ***known == *name);
        known.unwrap_or(&self.other)
    }
}
