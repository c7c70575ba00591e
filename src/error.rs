use std::fmt;

/// What is wrong in a configuration, as a sentence that says what to do about it.
///
/// Returned by the `try_` forms, for values that are read from a file or the environment; the
/// plain forms panic with the same sentence.
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

/// Panics with the sentence, where the caller stands.
#[track_caller]
pub(crate) fn valid<T>(result: Result<T, ConfigError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
