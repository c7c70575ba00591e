use std::{convert::Infallible, fmt};

use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::{Admission, Secret};
use crate::{
    error::{ConfigError, valid},
    shared::Shared,
};

/// The secrets of [`Access`](crate::Access), which can change while the server runs.
///
/// All clones share one list, so keep a clone of what you give to `Access`. A change holds from the
/// next request on. A delivery that is already admitted goes on.
///
/// The list may be empty: everybody then gets `404 Not Found`. It exists in this process alone, so
/// read your secrets again at the next start. [`Debug`] prints only how many there are.
///
/// # Examples
///
/// A tenant rotates its secret, with no delivery lost:
///
/// ```
/// use tower_webhook::{Access, Secrets};
///
/// # fn register(url: &str) {}
/// let secrets = Secrets::new([("shop-1", "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10")]);
/// let access = Access::path(&secrets);
///
/// secrets.insert(("shop-1", "d1b7a3a08cf04c35b2f6a0d6c2c9e411"))?;
/// // Both are accepted now. The provider may probe the new URL at once.
/// register("hooks.example.com/webhooks/alegra/d1b7a3a08cf04c35b2f6a0d6c2c9e411");
/// secrets.remove("5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10");
/// # drop(access);
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
///
/// Tenants come and go:
///
/// ```
/// use tower_webhook::{Access, Secrets};
///
/// let secrets = Secrets::default();
/// let access = Access::path(&secrets);
///
/// secrets.insert(("shop-2", "0a41c6b9a3d74f0f8f0d6f4d0f1b2c3d"))?;
/// assert_eq!(secrets.remove_label("shop-2"), 1);
/// # drop(access);
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Secrets(Shared<Secret>);

impl Secrets {
    /// A handle to these secrets, which may be none.
    ///
    /// # Panics
    ///
    /// If a secret is too short or has a character that a URL would encode, if a label is empty, or
    /// if a secret has two labels. [`try_new`](Self::try_new) returns an error instead.
    #[must_use]
    #[track_caller]
    pub fn new(secrets: impl IntoIterator<Item = impl Into<Secret>>) -> Self {
        valid(Self::try_new(secrets))
    }

    /// [`new`](Self::new) for secrets from a file or a database.
    ///
    /// # Errors
    ///
    /// If `new` would panic.
    pub fn try_new(
        secrets: impl IntoIterator<Item = impl Into<Secret>>,
    ) -> Result<Self, ConfigError> {
        let mut list = Vec::new();
        for (number, secret) in (1..).zip(secrets) {
            add(&mut list, secret.into(), &format!("secret {number}"))?;
        }
        Ok(Self(Shared::new(list)))
    }

    /// Accepts one more secret. One that is there already, with the same label, changes nothing.
    ///
    /// # Errors
    ///
    /// If [`new`](Self::new) would panic. The list then stays as it is.
    pub fn insert(&self, secret: impl Into<Secret>) -> Result<(), ConfigError> {
        let secret = secret.into();
        self.0.change(|list| add(list, secret, "the secret"))
    }

    /// Refuses this secret from now on. Returns whether it was there.
    #[expect(clippy::must_use_candidate, reason = "it changes the list")]
    pub fn remove(&self, text: &str) -> bool {
        let Ok(removed) = self.0.change(|list| {
            let index = position(list, text);
            let removed = index.map(|index| list.remove(index));
            Ok::<_, Infallible>(removed.is_some())
        });
        removed
    }

    /// Refuses all secrets of this tenant from now on. Returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "it changes the list")]
    pub fn remove_label(&self, label: &str) -> usize {
        self.0
            .retain(|secret| secret.label.as_deref() != Some(label))
    }

    pub(super) fn len(&self) -> usize {
        self.0.load().len()
    }

    /// Admits the tenant of the secret that equals `candidate`.
    pub(super) fn admit(&self, candidate: &str) -> Admission {
        let secrets = self.0.load();
        let found = position(&secrets, candidate).map(|index| secrets[index].label.clone());
        Admission(found)
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self(Shared::new([]))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.len())
    }
}

/// The same list, not a copy.
impl From<&Secrets> for Secrets {
    fn from(secrets: &Secrets) -> Self {
        secrets.clone()
    }
}

/// Fails if there is none, unlike [`Secrets::try_new`].
impl<T: Into<Secret>> TryFrom<Vec<T>> for Secrets {
    type Error = ConfigError;

    fn try_from(secrets: Vec<T>) -> Result<Self, ConfigError> {
        if secrets.is_empty() {
            return Err(ConfigError::new(
                "access needs at least one secret; write Access::open() for no credential, \
                 or pass a Secrets handle, which may be empty",
            ));
        }
        Self::try_new(secrets)
    }
}

/// Fails if there is none, unlike [`Secrets::try_new`].
impl<T: Into<Secret>, const N: usize> TryFrom<[T; N]> for Secrets {
    type Error = ConfigError;

    fn try_from(secrets: [T; N]) -> Result<Self, ConfigError> {
        Vec::from(secrets).try_into()
    }
}

fn add(list: &mut Vec<Secret>, secret: Secret, which: &str) -> Result<(), ConfigError> {
    secret.check(which)?;
    match position(list, &secret.text).map(|index| &list[index].label) {
        None => list.push(secret),
        Some(label) if *label == secret.label => {}
        Some(_) => {
            return Err(secret.error(
                which,
                "is there already, under another label; give each tenant a secret of its own",
            ));
        }
    }
    Ok(())
}

/// The index of the secret that equals `text`.
///
/// Compares with every secret, so neither the time nor the branches tell which one it was.
fn position(secrets: &[Secret], text: &str) -> Option<usize> {
    let mut found = secrets.len() as u64;
    for (index, secret) in (0_u64..).zip(secrets) {
        let equal = secret.text.as_bytes().ct_eq(text.as_bytes());
        found.conditional_assign(&index, equal);
    }
    usize::try_from(found).ok().filter(|&i| i < secrets.len())
}
