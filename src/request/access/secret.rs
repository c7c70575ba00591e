use std::{collections::HashMap, fmt, sync::Arc};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::Admission;
use crate::error::ConfigError;

/// A secret of [`Access`](crate::Access), with the label of the tenant that it belongs to, if any.
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

impl<L, T> From<(L, T)> for Secret
where
    L: Into<String>,
    T: Into<String>,
{
    fn from((label, text): (L, T)) -> Self {
        Self {
            label: Some(label.into().into()),
            text: text.into().into(),
        }
    }
}

pub(super) fn checked<I>(secrets: I) -> Result<Arc<[Secret]>, ConfigError>
where
    I: IntoIterator,
    I::Item: Into<Secret>,
{
    let secrets: Vec<Secret> = secrets.into_iter().map(Into::into).collect();
    if secrets.is_empty() {
        return Err(ConfigError::new(
            "access needs at least one secret; who wants none writes Access::open()",
        ));
    }
    // The sentences name a secret by its place and label alone: they end up in logs.
    for (index, secret) in secrets.iter().enumerate() {
        let which = match &secret.label {
            Some(label) => format!("secret {} (label {label:?})", index + 1),
            None => format!("secret {}", index + 1),
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
    }
    let mut labels = HashMap::new();
    for (index, secret) in secrets.iter().enumerate() {
        let (first, label) = *labels
            .entry(&*secret.text)
            .or_insert((index, &secret.label));
        if *label != secret.label {
            return Err(ConfigError::new(format!(
                "secrets {} and {} are the same text under two labels; \
                 which tenant would it open for?",
                first + 1,
                index + 1
            )));
        }
    }
    Ok(secrets.into())
}

/// Compares with all secrets, whichever fits: neither the time nor the branches taken tell which.
pub(super) fn compare(secrets: &[Secret], fits: impl Fn(&[u8]) -> Choice) -> Admission {
    let mut found = Choice::from(0);
    let mut place = 0_u64;
    for (index, secret) in (0_u64..).zip(secrets) {
        let fits = fits(secret.text.as_bytes());
        place.conditional_assign(&index, fits);
        found |= fits;
    }
    if !bool::from(found) {
        return Admission::refused();
    }
    let secret = usize::try_from(place)
        .ok()
        .and_then(|place| secrets.get(place));
    Admission(secret.map(|secret| secret.label.clone()))
}

/// What `ct_eq` says of slices, which looks at each byte by itself; this takes eight at a time, and
/// makes its one choice at the end.
pub(super) fn same(secret: &[u8], candidate: &[u8]) -> Choice {
    if secret.len() != candidate.len() {
        return Choice::from(0);
    }
    let (ours, theirs) = (secret.chunks_exact(8), candidate.chunks_exact(8));
    let last = ours.remainder().iter().zip(theirs.remainder());
    let last = last.fold(0, |differ, (ours, theirs)| differ | (ours ^ theirs));
    let words = ours.zip(theirs);
    words
        .fold(u64::from(last), |differ, (ours, theirs)| {
            differ | (word(ours) ^ word(theirs))
        })
        .ct_eq(&0)
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().expect("a chunk of eight"))
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
