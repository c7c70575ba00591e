use std::path::Path;

use super::{JsonLines, JsonLinesError};

/// How large the files of a [`JsonLines`] may become, to [open](Self::open) it so.
#[derive(Debug, Clone)]
pub struct JsonLinesOptions {
    limits: Limits,
}

/// In bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) file: u64,
    pub(super) total: u64,
}

impl JsonLinesOptions {
    pub(super) fn new() -> Self {
        Self {
            limits: Limits {
                file: 16 << 20,
                total: 256 << 20,
            },
        }
    }

    /// The size in bytes beyond which a file is closed and the next one begun; 16 MiB unless set.
    /// A letter that is larger has a file of its own.
    #[must_use]
    pub fn file_limit(mut self, bytes: u64) -> Self {
        self.limits.file = bytes;
        self
    }

    /// The size in bytes of all files together beyond which no new letter is stored; 256 MiB unless
    /// set.
    ///
    /// What is done is cleaned away before a letter is refused, which may copy nearly all of the files
    /// while that letter waits, unless it is less than a sixteenth
    /// of this limit and not worth copying the rest. That letters are done, or stored again, is
    /// written even beyond the limit. So the files can exceed it by about that sixteenth, and by
    /// one file while they are cleaned.
    #[must_use]
    pub fn total_limit(mut self, bytes: u64) -> Self {
        self.limits.total = bytes;
        self
    }

    /// Opens the file, or creates it; as [`JsonLines::open`].
    ///
    /// # Errors
    ///
    /// Those of [`JsonLines::open`]; when a limit is zero, or `total_limit` is less than
    /// `file_limit`.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<JsonLines, JsonLinesError> {
        self.limits.check()?;
        JsonLines::open_with(path.as_ref(), self.limits)
    }
}

impl Limits {
    fn check(self) -> Result<(), JsonLinesError> {
        let Self { file, total } = self;
        let sentence = if file == 0 {
            "a `file_limit` of 0 bytes has no room for a letter: leave it unset for 16 MiB".into()
        } else if total == 0 {
            "a `total_limit` of 0 bytes has no room for a letter: leave it unset for 256 MiB".into()
        } else if total < file {
            format!(
                "a `total_limit` of {total} bytes is less than the `file_limit` of {file} bytes: \
                 set a `file_limit` of a fraction of it"
            )
        } else {
            return Ok(());
        };
        Err(JsonLinesError::new(sentence))
    }
}
