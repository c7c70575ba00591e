use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Method};
use tokio::time::Instant;

use crate::{
    access::Access,
    background::{Background, STORE_TIME},
    clock,
    dead_letter::Keeper,
    error::ConfigError,
    handler::{OnFailure, Policy},
    observers::Observers,
    pace::Pace,
    provider::{Provider, Rules},
    response::{failed::Failed, late::Late},
    strikes::Strikes,
};

const MAX_IN_FLIGHT: usize = 1024;

/// What every service of the layer reads. Setters change it before any service is made.
pub(crate) struct Config<P> {
    pub(crate) provider: Arc<P>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Access,
    pub(crate) allow: HeaderValue,
    pub(crate) deadline: Duration,
    pub(crate) late: Late,
    pub(crate) failed: Failed,
    pub(crate) body_limit: usize,
    pub(crate) handler_limit: Option<Duration>,
    pub(crate) keeper: Option<Arc<Keeper>>,
    pub(crate) observers: Arc<Observers>,
    pub(crate) background: Background,
    pub(crate) pace: Pace,
}

impl<P: Provider> Config<P> {
    pub(crate) fn new(provider: P, access: Access) -> Result<Self, ConfigError> {
        let rules = provider.rules();
        check_rules(&rules)?;
        let methods: Vec<&str> = rules.methods.iter().map(Method::as_str).collect();
        let allow = HeaderValue::from_str(&methods.join(", "))
            .expect("a method is made of characters that a header value takes");
        Ok(Self {
            provider: Arc::new(provider),
            access,
            allow,
            deadline: rules.deadline,
            late: Late::default(),
            failed: Failed::default(),
            body_limit: rules.body_limit,
            handler_limit: None,
            keeper: None,
            observers: Arc::new(Observers {
                strikes: Strikes::new(&rules),
                user: None,
            }),
            background: Background::new(rules.name, MAX_IN_FLIGHT),
            pace: Pace::default(),
            rules: Arc::new(rules),
        })
    }
}

impl<P> Config<P> {
    /// Until when the store may take after the deadline: a second, or half of what is left until the
    /// provider gives up.
    pub(crate) fn store_until(&self, deadline: Instant) -> Instant {
        let time = match self.rules.deadline_limit {
            Some(limit) => STORE_TIME.min(limit.saturating_sub(self.deadline) / 2),
            None => STORE_TIME,
        };
        clock::after(deadline, time)
    }

    /// What becomes of the handler of a request with that deadline.
    pub(crate) fn policy(&self, deadline: Instant) -> Policy {
        Policy {
            on_failure: match self.failed {
                Failed::Accept => OnFailure::Accept,
                Failed::Refuse => OnFailure::Refuse,
            },
            success: self.rules.success,
            until: match self.keeper {
                Some(_) => self.store_until(deadline),
                // Nobody is asked.
                None => deadline,
            },
        }
    }
}

impl<P> Clone for Config<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            rules: Arc::clone(&self.rules),
            access: self.access.clone(),
            allow: self.allow.clone(),
            deadline: self.deadline,
            late: self.late,
            failed: self.failed,
            body_limit: self.body_limit,
            handler_limit: self.handler_limit,
            keeper: self.keeper.clone(),
            observers: Arc::clone(&self.observers),
            background: self.background.clone(),
            pace: Pace::default(),
        }
    }
}

impl<P> fmt::Debug for Config<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("provider", &self.rules.name)
            .field("access", &self.access)
            .field("deadline", &self.deadline)
            .field("late", &self.late)
            .field("failed", &self.failed)
            .field("dead_letters", &self.keeper.is_some())
            .field("body_limit", &self.body_limit)
            .field("handler_limit", &self.handler_limit)
            .field("background", &self.background)
            .finish_non_exhaustive()
    }
}

fn check_rules(rules: &Rules) -> Result<(), ConfigError> {
    if rules.methods.contains(&Method::HEAD) {
        return Err(ConfigError::new(format!(
            "the rules of {:?} take HEAD, whose answer has no body to hold a reply",
            rules.name
        )));
    }
    if !rules.success.is_success() {
        return Err(ConfigError::new(format!(
            "the rules of {:?} call {} a success; it has to be a 2xx",
            rules.name, rules.success
        )));
    }
    check_body_limit(rules.body_limit)?;
    check_deadline(rules.deadline, rules)
}

pub(crate) fn check_body_limit(bytes: usize) -> Result<(), ConfigError> {
    if bytes == 0 {
        return Err(ConfigError::new(
            "a body_limit of zero would refuse every delivery",
        ));
    }
    Ok(())
}

pub(crate) fn check_deadline(deadline: Duration, rules: &Rules) -> Result<(), ConfigError> {
    if deadline.is_zero() {
        return Err(ConfigError::new(
            "a deadline of zero would leave the handler no time at all",
        ));
    }
    match rules.deadline_limit {
        Some(limit) if deadline >= limit => Err(ConfigError::new(format!(
            "a deadline of {deadline:?} is too long: {} gives up after {limit:?}, and the network \
             needs part of that",
            rules.name
        ))),
        _ => Ok(()),
    }
}
