mod admission;
mod secret;

use std::{fmt, sync::Arc};

use http::request::Parts;
use subtle::Choice;

use self::secret::{checked, compare, is_unreserved, same};
pub use self::{admission::Admission, secret::Secret};
use crate::{
    error::{ConfigError, valid},
    panic::{Panicked, caught},
};

/// Who may deliver: the credential that a request has to bring.
///
/// Neither Alegra nor Bsale signs what it sends or lets one set a header, so the only credential
/// there can be is a secret in the registered URL. There is no default: who wants none writes
/// [`Access::open`].
///
/// A request without the right credential is answered `404 Not Found`, whatever else is wrong
/// with it, so a stranger does not learn that there is a webhook at all.
///
/// # Secrets
///
/// A secret has at least 16 bytes of `A–Z a–z 0–9 - . _ ~`, so that it never needs
/// percent-encoding. Prefer 32 hex characters: an integrator saw Alegra refuse a URL with `_` and
/// `-` in it. Secrets may carry labels, `("shop-1", secret)`: the label becomes the delivery's
/// [tenant](crate::Delivery::tenant). Two secrets of one label are a rotation: both open the door
/// until the old one is taken out.
///
/// Every secret is compared with what arrived, over its whole length and in constant time; only a
/// length can leak. [`Debug`] prints none.
///
/// # Examples
///
/// ```
/// use tower_webhook::Access;
///
/// // One account.
/// let access = Access::path(["5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"]);
///
/// // Two accounts on one route, the first with a rotation under way.
/// let access = Access::path([
///     ("shop-1", "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"),
///     ("shop-1", "d1b7a3a08cf04c35b2f6a0d6c2c9e411"),
///     ("shop-2", "0a41c6b9a3d74f0f8f0d6f4d0f1b2c3d"),
/// ]);
/// ```
#[derive(Clone)]
pub struct Access(Kind);

#[derive(Clone)]
enum Kind {
    Path(Arc<[Secret]>),
    Query(Arc<str>, Arc<[Secret]>),
    By(Arc<dyn Fn(&Parts) -> Admission + Send + Sync>),
    Open,
}

impl Access {
    /// The secret is the last non-empty segment of the path, as the layer sees it, byte for byte:
    /// nothing is percent-decoded. Under axum's `nest` the outer prefix is gone from that path, so
    /// the secret belongs in the inner route.
    ///
    /// # Panics
    ///
    /// When there is no secret, when one is too short or has a character that a URL would encode,
    /// or when one stands under two labels. [`try_path`](Self::try_path) returns that instead.
    #[must_use]
    #[track_caller]
    pub fn path<I>(secrets: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Secret>,
    {
        valid(Self::try_path(secrets))
    }

    /// [`path`](Self::path) for secrets that are read from a file or the environment.
    ///
    /// # Errors
    ///
    /// Where `path` panics.
    pub fn try_path<I>(secrets: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<Secret>,
    {
        Ok(Self(Kind::Path(checked(secrets)?)))
    }

    /// The secret is the value of the query parameter `name`, which has to occur exactly once.
    ///
    /// Prefer [`path`](Self::path): some of Alegra's deliveries may lose the query string.
    ///
    /// # Panics
    ///
    /// As [`path`](Self::path), or when the name is not made of the same characters as a secret.
    #[must_use]
    #[track_caller]
    pub fn query<I>(name: &str, secrets: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Secret>,
    {
        valid(Self::try_query(name, secrets))
    }

    /// [`query`](Self::query) for values that are read from a file or the environment.
    ///
    /// # Errors
    ///
    /// Where `query` panics.
    pub fn try_query<I>(name: &str, secrets: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<Secret>,
    {
        if name.is_empty() || !name.bytes().all(is_unreserved) {
            return Err(ConfigError::new(
                "the name of the query parameter has to be made of A-Z a-z 0-9 - . _ ~",
            ));
        }
        Ok(Self(Kind::Query(name.into(), checked(secrets)?)))
    }

    /// The application decides, from the head of the request.
    ///
    /// The closure answers with a `bool`, with an `Option<String>` that holds the tenant of those
    /// it lets in, or with an [`Admission`]. It runs on the connection's task, so it must not
    /// block, and it has to compare secrets in constant time itself. A tenant is logged and kept,
    /// so never make one of the sender's text.
    ///
    /// ```
    /// use tower_webhook::Access;
    ///
    /// /// Whose certificate it was; an outer layer puts it there once the certificate is verified.
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

    /// Everybody may deliver. Anyone who learns the URL can then forge events.
    #[must_use]
    pub fn open() -> Self {
        Self(Kind::Open)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.0, Kind::Open)
    }

    /// Fails where the user's own code panics.
    pub(crate) fn admit(&self, head: &Parts) -> Result<Admission, Panicked> {
        Ok(match &self.0 {
            Kind::Path(secrets) => {
                let path = without_end_slashes(head.uri.path().as_bytes());
                compare(secrets, |secret| is_last_segment(path, secret))
            }
            Kind::Query(name, secrets) => match only_value(head.uri.query(), name) {
                Some(value) => compare(secrets, |secret| same(secret, value.as_bytes())),
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
            Kind::Path(secrets) => f.debug_tuple("Path").field(&secrets.len()).finish(),
            Kind::Query(name, secrets) => f
                .debug_tuple("Query")
                .field(name)
                .field(&secrets.len())
                .finish(),
            Kind::By(_) => f.write_str("By"),
            Kind::Open => f.write_str("Open"),
        }
    }
}

fn without_end_slashes(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

/// A secret has no slash in it, so there is no need to look for the one before the segment.
fn is_last_segment(path: &[u8], secret: &[u8]) -> Choice {
    let start = path.len().checked_sub(secret.len());
    match start.map(|start| path.split_at(start)) {
        Some(([.., b'/'] | [], segment)) => same(secret, segment),
        _ => Choice::from(0),
    }
}

fn only_value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut values = query?.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
