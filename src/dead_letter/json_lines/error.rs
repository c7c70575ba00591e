use std::{fmt, io, path::Path, sync::Arc};

/// What went wrong with a [`JsonLines`](crate::JsonLines), as a sentence that names the file and
/// quotes nothing of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLinesError(Arc<str>);

impl JsonLinesError {
    pub(super) fn new(sentence: impl Into<Arc<str>>) -> Self {
        Self(sentence.into())
    }

    pub(super) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot {what} `{}`: {error}", path.display()))
    }
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonLinesError {}
