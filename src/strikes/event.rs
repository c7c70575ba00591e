use std::sync::Arc;

/// The count of one event of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStrikes {
    pub(super) tenant: Option<Arc<str>>,
    pub(super) event: Option<&'static str>,
    pub(super) count: u32,
}

impl EventStrikes {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event; `None` for failures whose event could not be read.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.event
    }

    /// Failed answers in a row.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}
