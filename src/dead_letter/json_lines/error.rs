use std::{fmt, io, path::Path, sync::Arc};

/// What went wrong with a [`JsonLines`](crate::JsonLines), as a sentence that names the file and
/// quotes nothing of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLinesError {
    sentence: Arc<str>,
    is_in_use: bool,
}

impl JsonLinesError {
    pub(super) fn new(sentence: impl Into<Arc<str>>) -> Self {
        Self {
            sentence: sentence.into(),
            is_in_use: false,
        }
    }

    pub(super) fn in_use(sentence: impl Into<Arc<str>>) -> Self {
        Self {
            is_in_use: true,
            ..Self::new(sentence)
        }
    }

    /// Whether the file is open already, in this process or another.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.is_in_use
    }

    pub(super) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot {what} `{}`: {error}", path.display()))
    }
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for JsonLinesError {}
