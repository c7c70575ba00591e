use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    error::{ConfigError, valid},
    shared::Shared,
};

/// A secret key that a sender signs its requests with.
///
/// Which constructor is the right one depends on the sender, and a wrong one gives other bytes: Stripe
/// uses the text of a `whsec_…` secret, Standard Webhooks decodes it.
///
/// [`Debug`] prints the label and no byte of the key.
///
/// # Examples
///
/// ```
/// use tower_webhook::signature::Key;
///
/// let secret = "It's a Secret to Everybody"; // from the environment
/// let key = Key::text(secret)?.label("shop-1")?;
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    pub(super) bytes: Arc<[u8]>,
    pub(super) label: Option<Arc<str>>,
}

impl Key {
    /// The key is the text itself, in UTF-8. This is so for most senders, also if the text looks like hex
    /// or base64.
    ///
    /// # Errors
    ///
    /// If the text is empty, or if it starts or ends with white space, which often comes from a file. Use
    /// [`bytes`](Self::bytes) if that white space belongs to the key.
    pub fn text(text: &str) -> Result<Self, ConfigError> {
        Self::bytes(without_space(text)?)
    }

    /// The key is these bytes.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let bytes: Arc<[u8]> = bytes.as_ref().into();
        if bytes.is_empty() {
            return Err(ConfigError::new("the key is empty"));
        }
        Ok(Self { bytes, label: None })
    }

    /// The text is the key in base64: the standard alphabet, with padding.
    ///
    /// # Errors
    ///
    /// If the text is empty, or if it is not base64.
    pub fn base64(text: &str) -> Result<Self, ConfigError> {
        match BASE64_STANDARD.decode(without_space(text)?) {
            Ok(bytes) => Self::bytes(bytes),
            Err(_) => Err(ConfigError::new(
                "the key is not base64 in the standard alphabet, with padding",
            )),
        }
    }

    /// The text is the key in hex, in upper or lower case.
    ///
    /// # Errors
    ///
    /// If the text is empty, or if it is not hex.
    pub fn hex(text: &str) -> Result<Self, ConfigError> {
        match super::from_hex(without_space(text)?) {
            Some(bytes) => Self::bytes(bytes),
            None => Err(ConfigError::new("the key is not hex")),
        }
    }

    /// The text is a secret of [Standard Webhooks](https://www.standardwebhooks.com): `whsec_` and the
    /// key in base64. The prefix may be missing, and `v1,` may stand before it, as some senders show
    /// it.
    ///
    /// # Errors
    ///
    /// If nothing follows the prefix, or if that is not base64.
    pub fn whsec(text: &str) -> Result<Self, ConfigError> {
        let text = without_space(text)?;
        let text = text.strip_prefix("v1,").unwrap_or(text);
        Self::base64(text.strip_prefix("whsec_").unwrap_or(text))
    }

    /// Gives the key a label. A request that this key has signed is of the
    /// [tenant](crate::Delivery::tenant) with this label.
    ///
    /// # Errors
    ///
    /// If the label is empty.
    pub fn label(mut self, label: impl Into<String>) -> Result<Self, ConfigError> {
        let label = label.into();
        if label.is_empty() {
            return Err(ConfigError::new("the label of a key is empty"));
        }
        self.label = Some(label.into());
        Ok(self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// The keys that a provider accepts. They can change while the layer serves.
///
/// # Clone
///
/// Clones share one list: give one to the provider, and change the other.
///
/// # Examples
///
/// ```
/// use tower_webhook::signature::{Key, Keys};
///
/// let old = Key::text("fake-old-secret")?.label("shop-1")?;
/// let keys = Keys::new([
///     old.clone(),
///     Key::text("fake-other-secret")?.label("shop-2")?,
/// ]);
///
/// // Two keys of one label are a rotation: both are accepted until the old one goes.
/// keys.insert(Key::text("fake-new-secret")?.label("shop-1")?)?;
/// assert!(keys.remove(&old));
///
/// // A tenant leaves.
/// assert_eq!(keys.remove_label("shop-2"), 1);
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Keys(Shared<Key>);

impl Keys {
    /// These keys. The list may be empty, and then every request is refused.
    ///
    /// # Panics
    ///
    /// If a key is there twice, and not under the same label: one tenant's key would speak for another
    /// tenant. [`try_new`](Self::try_new) returns an error instead.
    #[must_use]
    #[track_caller]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        valid(Self::try_new(keys))
    }

    /// [`new`](Self::new) for keys from a file or a database.
    ///
    /// # Errors
    ///
    /// If `new` would panic.
    pub fn try_new(keys: impl IntoIterator<Item = Key>) -> Result<Self, ConfigError> {
        let mut list = Vec::new();
        for key in keys {
            add(&mut list, key)?;
        }
        Ok(Self(Shared::new(list)))
    }

    /// Adds a key. Requests that arrive from now on may be signed with it. A key that is there already,
    /// under the same label, changes nothing.
    ///
    /// # Errors
    ///
    /// If the key is there under another label.
    pub fn insert(&self, key: Key) -> Result<(), ConfigError> {
        self.0.change(|keys| add(keys, key))
    }

    /// Removes the key with these bytes, whatever its label. Returns whether it was there.
    #[expect(clippy::must_use_candidate, reason = "the key is gone in any case")]
    pub fn remove(&self, key: &Key) -> bool {
        self.0.retain(|other| other.bytes != key.bytes) == 1
    }

    /// Removes all keys of a label. Returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "the key is gone in any case")]
    pub fn remove_label(&self, label: &str) -> usize {
        self.0.retain(|key| key.label.as_deref() != Some(label))
    }

    /// The keys as they are now.
    pub(super) fn load(&self) -> Arc<[Key]> {
        self.0.load()
    }
}

/// No key.
impl Default for Keys {
    fn default() -> Self {
        Self(Shared::new([]))
    }
}

/// A list of one key.
impl From<Key> for Keys {
    fn from(key: Key) -> Self {
        Self(Shared::new([key]))
    }
}

/// Another handle of the same list.
impl From<&Self> for Keys {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.load().len())
    }
}

fn add(keys: &mut Vec<Key>, key: Key) -> Result<(), ConfigError> {
    match keys.iter().find(|other| other.bytes == key.bytes) {
        Some(other) if other.label != key.label => Err(ConfigError::new(format!(
            "one key has {} and {}; give each tenant a key of its own",
            label(other),
            label(&key)
        ))),
        Some(_) => Ok(()),
        None => {
            keys.push(key);
            Ok(())
        }
    }
}

fn label(key: &Key) -> String {
    match &key.label {
        Some(label) => format!("the label {label:?}"),
        None => "no label".to_owned(),
    }
}

fn without_space(text: &str) -> Result<&str, ConfigError> {
    if text != text.trim() {
        return Err(ConfigError::new(
            "the key has white space at its start or end",
        ));
    }
    Ok(text)
}
