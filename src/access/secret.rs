use std::{collections::HashMap, fmt, sync::Arc};

use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::Admission;
use crate::error::ConfigError;

/// A secret of [`Access`](crate::Access), with the label of its tenant, if it has one.
///
/// Made from a text, or from a pair of label and text.
#[derive(Clone)]
pub struct Secret {
    label: Option<Arc<str>>,
    text: Box<str>,
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

pub(super) fn checked(
    secrets: impl IntoIterator<Item = impl Into<Secret>>,
) -> Result<Arc<[Secret]>, ConfigError> {
    let secrets: Vec<Secret> = secrets.into_iter().map(Into::into).collect();
    if secrets.is_empty() {
        return Err(ConfigError::new(
            "access needs at least one secret; write Access::open() for no credential",
        ));
    }
    // These errors end up in logs, so they never quote a secret.
    let mut firsts = HashMap::new();
    for (number, secret) in (1..).zip(&secrets) {
        let which = match &secret.label {
            Some(label) => format!("secret {number} (label {label:?})"),
            None => format!("secret {number}"),
        };
        if secret.text.len() < 16 {
            return Err(ConfigError::new(format!(
                "{which} has {} bytes; it needs at least 16, and 32 hex characters are best",
                secret.text.len()
            )));
        }
        if !secret.text.bytes().all(is_unreserved) {
            return Err(ConfigError::new(format!(
                "{which} has a character other than A-Z a-z 0-9 - . _ ~, which a URL would encode"
            )));
        }
        let (first, label) = *firsts
            .entry(&*secret.text)
            .or_insert((number, &secret.label));
        if *label != secret.label {
            return Err(ConfigError::new(format!(
                "secrets {first} and {number} are the same text under two labels; \
                 give each tenant a secret of its own"
            )));
        }
    }
    Ok(secrets.into())
}

/// Admits the tenant of the secret that equals `candidate`.
///
/// Compares with every secret, so neither the time nor the branches tell which one it was.
pub(super) fn find(secrets: &[Secret], candidate: &str) -> Admission {
    let mut found = secrets.len() as u64;
    for (index, secret) in (0_u64..).zip(secrets) {
        let equal = secret.text.as_bytes().ct_eq(candidate.as_bytes());
        found.conditional_assign(&index, equal);
    }
    let secret = usize::try_from(found).ok().and_then(|i| secrets.get(i));
    Admission(secret.map(|secret| secret.label.clone()))
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
