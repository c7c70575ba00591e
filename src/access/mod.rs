mod secret;
mod secrets;

use std::{fmt, sync::Arc};

use http::request::Parts;

use self::secret::is_unreserved;
pub use self::{secret::Secret, secrets::Secrets};
use crate::{
    error::{ConfigError, valid},
    panic::{Panicked, caught},
};

/// The credential that a request needs.
///
/// Alegra and Bsale sign nothing and send no header of yours, so the only possible credential is a
/// secret in the registered URL. There is no default: write [`Access::open`] for no credential.
///
/// The layer answers a request without the right credential `404 Not Found`, whatever else is
/// wrong with it. A stranger does not learn that there is a webhook.
///
/// # Secrets
///
/// A secret has at least 16 bytes of `A–Z a–z 0–9 - . _ ~`, so it never needs percent-encoding.
/// Prefer 32 hex characters: an integrator saw Alegra refuse a URL with `_` and `-` in it. A secret
/// may have a label, `("shop-1", secret)`: the label becomes the delivery's
/// [tenant](crate::Delivery::tenant). Use two secrets with one label for a rotation: both are
/// accepted until you remove the old one.
///
/// Give an array or a `Vec` of secrets, or a handle: [`Secrets`] can change while the server runs.
///
/// Every secret is compared with the one in the request, over its whole length and in constant
/// time. Only a length can leak. [`Debug`] prints no secret.
///
/// # Examples
///
/// ```
/// use tower_webhook::{Access, Secrets};
///
/// // One account.
/// let access = Access::path(["5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"]);
///
/// // Two accounts on one route. The first one is rotating its secret.
/// let access = Access::path([
///     ("shop-1", "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"),
///     ("shop-1", "d1b7a3a08cf04c35b2f6a0d6c2c9e411"),
///     ("shop-2", "0a41c6b9a3d74f0f8f0d6f4d0f1b2c3d"),
/// ]);
///
/// // Accounts that come and go while the server runs.
/// let secrets = Secrets::default();
/// let access = Access::path(&secrets);
/// secrets.insert(("shop-3", "c2a4e8f06b1d4375a9e3f1d8b7c60524"))?;
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Access(Kind);

#[derive(Clone)]
enum Kind {
    Path(Secrets),
    Query(Arc<str>, Secrets),
    By(Arc<dyn Fn(&Parts) -> Admission + Send + Sync>),
    Open,
}

impl Access {
    /// Takes the last non-empty segment of the path for the secret.
    ///
    /// The segment is compared byte for byte, without percent-decoding, in the path that the layer
    /// sees. axum's `nest` removes the outer prefix from that path, so put the secret into the
    /// inner route.
    ///
    /// # Panics
    ///
    /// If an array or a `Vec` is empty, or if [`Secrets::new`] would panic.
    /// [`try_path`](Self::try_path) returns an error instead.
    #[must_use]
    #[track_caller]
    pub fn path(secrets: impl TryInto<Secrets, Error: Into<ConfigError>>) -> Self {
        valid(Self::try_path(secrets))
    }

    /// [`path`](Self::path) for secrets from a file or the environment.
    ///
    /// # Errors
    ///
    /// If `path` would panic.
    pub fn try_path(
        secrets: impl TryInto<Secrets, Error: Into<ConfigError>>,
    ) -> Result<Self, ConfigError> {
        let secrets = secrets.try_into().map_err(Into::into)?;
        Ok(Self(Kind::Path(secrets)))
    }

    /// Takes the value of the query parameter `name`, which must occur exactly once, for the secret.
    ///
    /// Prefer [`path`](Self::path): some of Alegra's deliveries may lose the query string.
    ///
    /// # Panics
    ///
    /// Like [`path`](Self::path), or if the name has characters that a secret must not have.
    #[must_use]
    #[track_caller]
    pub fn query(name: &str, secrets: impl TryInto<Secrets, Error: Into<ConfigError>>) -> Self {
        valid(Self::try_query(name, secrets))
    }

    /// [`query`](Self::query) for values from a file or the environment.
    ///
    /// # Errors
    ///
    /// If `query` would panic.
    pub fn try_query(
        name: &str,
        secrets: impl TryInto<Secrets, Error: Into<ConfigError>>,
    ) -> Result<Self, ConfigError> {
        if name.is_empty() || !name.bytes().all(is_unreserved) {
            return Err(ConfigError::new(
                "the name of the query parameter has to be made of A-Z a-z 0-9 - . _ ~",
            ));
        }
        let secrets = secrets.try_into().map_err(Into::into)?;
        Ok(Self(Kind::Query(name.into(), secrets)))
    }

    /// Lets a closure decide from the head of the request.
    ///
    /// The closure returns a `bool`, an `Option` with the tenant of an accepted request, or an
    /// [`Admission`]. It runs on the connection's task, so it must not block. It must compare
    /// secrets in constant time. The tenant is logged and stored, so never use the sender's text
    /// for it.
    ///
    /// ```
    /// use tower_webhook::Access;
    ///
    /// /// Set by an outer layer that has verified the client's certificate.
    /// #[derive(Clone)]
    /// struct Peer {
    ///     shop: &'static str,
    /// }
    ///
    /// let access = Access::by(|head| head.extensions.get::<Peer>().map(|peer| peer.shop));
    /// ```
    #[must_use]
    pub fn by<F, A>(decide: F) -> Self
    where
        F: Fn(&Parts) -> A + Send + Sync + 'static,
        A: Into<Admission>,
    {
        Self(Kind::By(Arc::new(move |head| decide(head).into())))
    }

    /// Accepts everybody. Anyone who learns the URL can then forge events.
    #[must_use]
    pub fn open() -> Self {
        Self(Kind::Open)
    }

    /// The name of the query parameter that holds the secret, if one does.
    pub(crate) fn query_parameter(&self) -> Option<&str> {
        match &self.0 {
            Kind::Query(name, _) => Some(name),
            Kind::Path(_) | Kind::By(_) | Kind::Open => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.0, Kind::Open)
    }

    /// Fails if the user's closure panics.
    pub(crate) fn admit(&self, head: &Parts) -> Result<Admission, Panicked> {
        Ok(match &self.0 {
            Kind::Path(secrets) => secrets.admit(last_segment(head.uri.path())),
            Kind::Query(name, secrets) => match only_value(head.uri.query(), name) {
                Some(value) => secrets.admit(value),
                None => Admission::refused(),
            },
            Kind::By(decide) => caught(|| decide(head))?,
            Kind::Open => Admission::granted(),
        })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Path(secrets) => write!(f, "Path({} secrets)", secrets.len()),
            Kind::Query(name, secrets) => write!(f, "Query({name}, {} secrets)", secrets.len()),
            Kind::By(_) => f.write_str("By"),
            Kind::Open => f.write_str("Open"),
        }
    }
}

/// What a closure of [`Access::by`] decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission(pub(crate) Option<Option<Arc<str>>>);

impl Admission {
    /// Accepts the request, for no tenant in particular.
    #[must_use]
    pub fn granted() -> Self {
        Self(Some(None))
    }

    /// Accepts the request for this tenant.
    #[must_use]
    pub fn tenant(label: impl Into<String>) -> Self {
        Self(Some(Some(label.into().into())))
    }

    /// Rejects the request: `404 Not Found`.
    #[must_use]
    pub fn refused() -> Self {
        Self(None)
    }
}

impl From<bool> for Admission {
    fn from(may: bool) -> Self {
        Self(may.then_some(None))
    }
}

impl<T: Into<String>> From<Option<T>> for Admission {
    fn from(tenant: Option<T>) -> Self {
        tenant.map_or_else(Self::refused, Self::tenant)
    }
}

fn last_segment(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

fn only_value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut values = query?.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
