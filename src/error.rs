use std::{convert::Infallible, fmt};

/// The error of a wrong configuration. Its text says what is wrong and what to do about it.
///
/// [`Access::try_path`](crate::Access::try_path) and its like return it, for values from a file or the
/// environment. The other methods panic with the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// For a [`Secrets`](crate::Secrets) that needs no conversion.
impl From<Infallible> for ConfigError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Panics with the text of the error, at the caller's line.
#[track_caller]
pub(crate) fn valid<T>(result: Result<T, ConfigError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
