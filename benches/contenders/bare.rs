//! Providers that leave a stage out, so that the others can be told apart.

use bytes::Bytes;
use http::request::Parts;
use tower_webhook::{Access, Event, Provider, Received, Rejection, Rules, WebhookLayer};

use super::SECRET;

/// Takes every body for a probe: nothing is decoded, no handler runs.
#[derive(Debug, Clone)]
pub struct Knock;

/// Takes every body for an event of which nothing is read.
#[derive(Debug, Clone)]
pub struct Unread;

/// The event of [`Knock`], which has none, and of [`Unread`].
#[derive(Debug)]
pub struct Something;

pub fn knock() -> WebhookLayer<Knock> {
    WebhookLayer::new(Knock, Access::path([SECRET]))
}

pub fn unread() -> WebhookLayer<Unread> {
    WebhookLayer::new(Unread, Access::path([SECRET]))
}

impl Event for Something {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

impl Provider for Knock {
    type Event = Something;

    fn rules(&self) -> Rules {
        Rules::new("knock").body_limit(2 * 1024 * 1024)
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Something>, Rejection> {
        Ok(Received::probe())
    }
}

impl Provider for Unread {
    type Event = Something;

    fn rules(&self) -> Rules {
        Rules::new("unread").body_limit(2 * 1024 * 1024)
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Something>, Rejection> {
        Ok(Received::event(Something))
    }
}
