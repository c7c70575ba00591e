use std::{fmt, sync::Arc};

/// What [`Provider::verify`](crate::Provider::verify) has proven of a request.
#[derive(Clone)]
pub struct Verified {
    pub(crate) is_signed: bool,
    /// Whether an event must not come of it.
    pub(crate) is_probe: bool,
    pub(crate) tenant: Option<Arc<str>>,
    /// The key that made the signature, for a reply that has to be signed with it.
    pub(crate) key: Option<Arc<[u8]>>,
}

impl Verified {
    /// Nothing, because the provider signs nothing.
    ///
    /// An event of such a request is delivered. So a provider that signs its events must not return this:
    /// for a probe that is never signed there is [`probe`](Self::probe).
    #[must_use]
    pub fn unproven() -> Self {
        Self {
            is_signed: false,
            is_probe: false,
            tenant: None,
            key: None,
        }
    }

    /// Nothing, because the request is a probe, which the provider never signs. If an event comes of
    /// it, the response is `401 Unauthorized`.
    #[must_use]
    pub fn probe() -> Self {
        Self {
            is_probe: true,
            ..Self::unproven()
        }
    }

    /// The request is the provider's. It is then as trusted as one with a secret in its URL: if its
    /// body cannot be read it is stored, and a failure is a strike.
    #[must_use]
    pub fn signed() -> Self {
        Self {
            is_signed: true,
            ..Self::unproven()
        }
    }

    /// The request is the provider's, by the key of this label. The label becomes the delivery's
    /// [tenant](crate::Delivery::tenant).
    #[must_use]
    pub fn signed_by(label: impl Into<String>) -> Self {
        Self {
            tenant: Some(label.into().into()),
            ..Self::signed()
        }
    }
}

/// Prints no key.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("is_signed", &self.is_signed)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
