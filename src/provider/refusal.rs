use std::fmt;

/// Why a provider takes a request for no delivery. Made by its constructors.
///
/// The reason is a text of the provider's own code, so nothing of the request can leak through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) reason: &'static str,
    pub(crate) position: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    Malformed,
    Unauthorized,
    Forbidden,
}

impl Refusal {
    /// The body cannot be read at all: `400 Bad Request`.
    #[must_use]
    pub fn malformed(reason: &'static str) -> Self {
        Self::new(RefusalKind::Malformed, reason)
    }

    /// The sender did not prove who it is (a missing or wrong signature): `401 Unauthorized`.
    #[must_use]
    pub fn unauthorized(reason: &'static str) -> Self {
        Self::new(RefusalKind::Unauthorized, reason)
    }

    /// The sender is known and not welcome: `403 Forbidden`.
    #[must_use]
    pub fn forbidden(reason: &'static str) -> Self {
        Self::new(RefusalKind::Forbidden, reason)
    }

    /// Adds where in the body it went wrong, both counted from 1.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    fn new(kind: RefusalKind, reason: &'static str) -> Self {
        Self {
            kind,
            reason,
            position: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match self.position {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
