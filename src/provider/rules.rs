use std::time::Duration;

use http::{Method, StatusCode};

/// What a provider requires of a receiver.
///
/// Made with [`Rules::new`]. Each setter replaces a default.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) name: &'static str,
    pub(crate) methods: Vec<Method>,
    pub(crate) deadline: Duration,
    pub(crate) deadline_limit: Option<Duration>,
    pub(crate) success: StatusCode,
    pub(crate) body_limit: usize,
    pub(crate) strikes: Option<u32>,
    pub(crate) events: &'static [&'static str],
}

impl Rules {
    /// Rules for the provider of this name. Defaults: POST only, a response within 3 seconds, no known
    /// limit of the deadline, `200 OK` for success, bodies up to 1 MiB, no limit of strikes, no known
    /// events.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            methods: vec![Method::POST],
            deadline: Duration::from_secs(3),
            deadline_limit: None,
            success: StatusCode::OK,
            body_limit: 1024 * 1024,
            strikes: None,
            events: &[],
        }
    }

    /// Accepts probes by this method too; HEAD is not possible, since its answer has no body. The
    /// response to an event by any method but POST is still `405 Method Not Allowed`.
    #[must_use]
    pub fn probe_method(mut self, method: Method) -> Self {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self
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

    /// The status of a success that is not the handler's own: of a late or stored delivery.
    #[must_use]
    pub fn success(mut self, status: StatusCode) -> Self {
        self.success = status;
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

    /// Every name that [`Event::name`](crate::Event::name) may return besides `"other"`.
    #[must_use]
    pub fn events(mut self, names: &'static [&'static str]) -> Self {
        self.events = names;
        self
    }

    /// The name if it is one of [`events`](Self::events), else `"other"`: labels are a closed set.
    pub(crate) fn known(&self, name: &'static str) -> &'static str {
        let known = self.events.iter().find(|known| **known == name);
        known.copied().unwrap_or("other")
    }
}
