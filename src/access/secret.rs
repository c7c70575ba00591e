use std::{fmt, sync::Arc};

use crate::error::ConfigError;

/// One secret of [`Secrets`](crate::Secrets), with the label of its tenant, if it has one.
///
/// Made from a text, or from a pair of label and text.
#[derive(Clone)]
pub struct Secret {
    pub(super) label: Option<Arc<str>>,
    pub(super) text: Arc<str>,
}

impl Secret {
    /// The error ends up in logs, so it does not quote the secret. `which` says which one it is.
    pub(super) fn check(&self, which: &str) -> Result<(), ConfigError> {
        let problem = if self.label.as_deref() == Some("") {
            "has an empty label; name the tenant, or leave the label out".to_owned()
        } else if self.text.len() < 16 {
            format!(
                "has {} bytes; it needs at least 16, and 32 hex characters are best",
                self.text.len()
            )
        } else if !self.text.bytes().all(is_unreserved) {
            "has a character other than A-Z a-z 0-9 - . _ ~, which a URL would encode".to_owned()
        } else {
            return Ok(());
        };
        Err(self.error(which, &problem))
    }

    /// An error that names the secret by `which` and by its label.
    pub(super) fn error(&self, which: &str, problem: &str) -> ConfigError {
        ConfigError::new(match &self.label {
            Some(label) => format!("{which} (label {label:?}) {problem}"),
            None => format!("{which} {problem}"),
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self {
            label: None,
            text: text.into(),
        }
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl<L: Into<String>, T: Into<String>> From<(L, T)> for Secret {
    fn from((label, text): (L, T)) -> Self {
        Self {
            label: Some(label.into().into()),
            text: text.into().into(),
        }
    }
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
