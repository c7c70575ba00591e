use std::{fmt, sync::Arc, time::Duration};

use http::{
    HeaderValue, Method, Response,
    header::{ALLOW, CONTENT_TYPE},
};
use tokio::time::Instant;

use crate::{
    access::Access,
    background::{Background, STORE_TIME},
    body::ResponseBody,
    clock,
    dead_letter::Store,
    panic::discard,
    policy::{Failed, Late},
    provider::Rules,
    rejection::{Rejection, RejectionKind},
    report::Observers,
    strikes::Strikes,
};

const MAX_IN_FLIGHT: usize = 1024;

/// What every service of the layer reads. Setters change it before any service is made.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Access,
    pub(crate) allow: HeaderValue,
    pub(crate) deadline: Duration,
    pub(crate) late: Late,
    pub(crate) failed: Failed,
    pub(crate) body_limit: usize,
    pub(crate) handler_limit: Option<Duration>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) observers: Arc<Observers>,
    pub(crate) background: Background,
}

impl Config {
    /// Panics when the rules are invalid.
    #[track_caller]
    pub(crate) fn new(rules: Rules, access: Access) -> Self {
        check_rules(&rules);
        let methods: Vec<&str> = rules.methods.iter().map(Method::as_str).collect();
        let allow = HeaderValue::from_str(&methods.join(", "))
            .expect("a method is made of characters that a header value takes");
        Self {
            access,
            allow,
            deadline: rules.deadline,
            late: Late::default(),
            failed: Failed::default(),
            body_limit: rules.body_limit,
            handler_limit: None,
            store: None,
            observers: Arc::new(Observers {
                strikes: Strikes::new(&rules),
                user: None,
            }),
            background: Background::new(rules.name, MAX_IN_FLIGHT),
            rules: Arc::new(rules),
        }
    }

    /// Until when the layer waits for the store: a second after the deadline, or half of the time from
    /// there until the provider gives up, if that is shorter.
    pub(crate) fn store_until(&self, deadline: Instant) -> Instant {
        let limit = self.rules.deadline_limit.unwrap_or(Duration::MAX);
        let left = limit.saturating_sub(self.deadline);
        clock::after(deadline, STORE_TIME.min(left / 2))
    }

    /// The response of a refusal.
    pub(crate) fn refuse<B>(&self, rejection: Rejection) -> Response<ResponseBody<B>> {
        let is_method = rejection.kind() == RejectionKind::Method;
        let mut response = rejection.into_response();
        if is_method {
            response.headers_mut().insert(ALLOW, self.allow.clone());
        }
        response
    }

    /// The response to a late delivery, and to a stored one.
    pub(crate) fn success<B>(&self) -> Response<ResponseBody<B>> {
        let body = self.rules.success_body.clone();
        let has_body = !body.is_empty();
        let mut response = Response::new(ResponseBody::own(body));
        *response.status_mut() = self.rules.success;
        if has_body {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
        }
        response
    }

    /// The response to a delivery that its handler has answered with a 2xx.
    pub(crate) fn handled<B>(&self, response: Response<B>) -> Response<ResponseBody<B>> {
        let rules = &self.rules;
        let is_exact = rules.success_body.is_empty() && response.status() == rules.success;
        if rules.exact_success && !is_exact {
            discard(response);
            return self.success();
        }
        response.map(ResponseBody::handler)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("provider", &self.rules.name)
            .field("access", &self.access)
            .field("deadline", &self.deadline)
            .field("late", &self.late)
            .field("failed", &self.failed)
            .field("dead_letters", &self.store.is_some())
            .field("body_limit", &self.body_limit)
            .field("handler_limit", &self.handler_limit)
            .field("background", &self.background)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn check_rules(rules: &Rules) {
    let Rules { name, success, .. } = rules;
    assert!(
        success.is_success(),
        "the rules of {name:?} call {success} a success; it has to be a 2xx"
    );
    assert!(
        rules.success_body.is_empty() || !matches!(success.as_u16(), 204 | 205),
        "the rules of {name:?} give {success} a body, which it cannot have"
    );
    let brings_no_event = [
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    let wrong = rules
        .event_methods
        .iter()
        .find(|it| brings_no_event.contains(it));
    assert!(
        wrong.is_none(),
        "the rules of {name:?} take events by {}, which no sender does",
        wrong.map_or("", Method::as_str)
    );
    check_body_limit(rules.body_limit);
    check_deadline(rules.deadline, rules);
}

#[track_caller]
pub(crate) fn check_body_limit(bytes: usize) {
    assert!(
        bytes > 0,
        "a body_limit of zero would refuse every delivery"
    );
}

#[track_caller]
pub(crate) fn check_deadline(deadline: Duration, rules: &Rules) {
    assert!(
        !deadline.is_zero(),
        "a deadline of zero would leave the handler no time at all"
    );
    if let Some(limit) = rules.deadline_limit {
        assert!(
            deadline < limit,
            "a deadline of {deadline:?} is too long: {} gives up after {limit:?}, and the network \
             needs part of that",
            rules.name
        );
    }
}
