use std::{sync::Arc, time::SystemTime};

use tokio::time::Instant;

use super::End;
use crate::{
    observers::{self, Observers},
    outcome::Outcome,
};

/// What is known of one request, growing as it travels; every outcome is formed of it.
pub(crate) struct Facts {
    pub(crate) provider: &'static str,
    pub(crate) started: Instant,
    pub(crate) admitted: bool,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) event: Option<&'static str>,
    pub(crate) body_size: Option<usize>,
    /// When the delivery was there, if it became one.
    pub(crate) received_at: Option<SystemTime>,
}

impl Facts {
    pub(crate) fn new(provider: &'static str, started: Instant) -> Self {
        Self {
            provider,
            started,
            admitted: false,
            tenant: None,
            event: None,
            body_size: None,
            received_at: None,
        }
    }

    /// Has everybody hear of the end; without observers, the log alone.
    pub(crate) fn tell(&self, observers: Option<&Observers>, end: End, late_end: bool) {
        let status = match late_end {
            false => end.answer(),
            // Nobody heard the layer's own.
            true => end.status.filter(|_| end.rejection.is_none()),
        };
        let outcome = Outcome {
            provider: self.provider,
            admitted: self.admitted,
            tenant: self.tenant.clone(),
            event: self.event,
            kind: end.kind,
            status,
            rejection: end.rejection,
            stored: end.stored.map(|(reason, _)| reason),
            handler_status: end.handler_status,
            late_end,
            duration: self.started.elapsed(),
            body_size: self.body_size,
            received_at: self.received_at,
        };
        observers::tell(observers, &outcome);
    }
}
