use std::time::Duration;

use http::{Method, StatusCode};

/// What a provider demands of whoever receives its webhooks.
///
/// Made with [`Rules::new`] and the setters, each of which replaces a default.
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
    /// Rules for the provider of that name: POST only, an answer within 3 seconds and no known
    /// upper bound, `200 OK` for success, bodies up to 1 MiB, no limit of strikes, no known events.
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

    /// Takes probes by this method too. An event that arrives by anything but POST is still
    /// answered `405 Method Not Allowed`.
    #[must_use]
    pub fn probe_method(mut self, method: Method) -> Self {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self
    }

    /// The default deadline: how long after `call()` the answer leaves at the latest.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the provider itself waits: a layer's deadline has to be shorter.
    #[must_use]
    pub fn deadline_limit(mut self, limit: Duration) -> Self {
        self.deadline_limit = Some(limit);
        self
    }

    /// The status of a success that the handler did not state itself: of a late answer.
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

    /// After how many failed answers in a row the provider deletes the subscription. It makes the
    /// [`Strikes`](crate::Strikes) say so in time; nothing else hangs on it.
    #[must_use]
    pub fn strikes(mut self, limit: u32) -> Self {
        self.strikes = Some(limit);
        self
    }

    /// Every name that [`Event::name`](crate::Event::name) may give besides `"other"`.
    #[must_use]
    pub fn events(mut self, names: &'static [&'static str]) -> Self {
        self.events = names;
        self
    }

    /// The name, if it is one of those announced: labels are a closed set.
    pub(crate) fn known(&self, name: &'static str) -> &'static str {
        if self.events.contains(&name) {
            name
        } else {
            "other"
        }
    }
}
