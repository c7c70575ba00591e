use std::sync::Arc;

/// The answer of a closure given to [`Access::by`](crate::Access::by).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission(pub(crate) Option<Option<Arc<str>>>);

impl Admission {
    /// May deliver, for no tenant in particular.
    #[must_use]
    pub fn granted() -> Self {
        Self(Some(None))
    }

    /// May deliver for this tenant.
    #[must_use]
    pub fn tenant(label: impl Into<String>) -> Self {
        Self(Some(Some(label.into().into())))
    }

    /// May not deliver: `404 Not Found`.
    #[must_use]
    pub fn refused() -> Self {
        Self(None)
    }
}

impl From<bool> for Admission {
    fn from(may: bool) -> Self {
        if may {
            Self::granted()
        } else {
            Self::refused()
        }
    }
}

impl<T> From<Option<T>> for Admission
where
    T: Into<String>,
{
    fn from(tenant: Option<T>) -> Self {
        tenant.map_or_else(Self::refused, Self::tenant)
    }
}
