use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use sha2::Sha256;

use super::{Key, Keys, Part, from_hex, part::Kind};
use crate::{
    clock,
    provider::{Incoming, Verified, header_name},
    rejection::{Rejection, RejectionKind},
};

/// Timestamps from here on count milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const FIRST_MILLISECOND: u64 = 100_000_000_000;

/// How a sender signs: an HMAC of parts of the request, in a header.
///
/// The header has to be there once. Hex is read in either case. Several signatures in the header and
/// several keys are the rule during a rotation: one signature that one key made is enough, and the
/// first such key in the list gives the tenant. [`hmac`] compares them in constant time. The body is
/// hashed once for each key that is tried, in about a millisecond a MiB, and never copied.
///
/// [`hmac`]: https://docs.rs/hmac
///
/// # Examples
///
/// A request of GitHub's:
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use tower_webhook::{
///     Incoming,
///     signature::{Key, Keys, Scheme},
/// };
///
/// let github = Scheme::sha256("x-hub-signature-256").prefix("sha256=");
/// let keys = Keys::new([Key::text("It's a Secret to Everybody")?]);
///
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// let request = Request::post("/hook").header("x-hub-signature-256", signature).body(()).unwrap();
/// let (head, ()) = request.into_parts();
///
/// let genuine = Bytes::from("Hello, World!");
/// assert!(github.verify(&Incoming::new(&head, &genuine), &keys).is_ok());
///
/// let forged = Bytes::from("Hello, world!");
/// let rejection = github.verify(&Incoming::new(&head, &forged), &keys).unwrap_err();
/// assert_eq!(rejection.status(), 401);
/// # Ok::<(), tower_webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Scheme {
    hash: Hash,
    header: HeaderName,
    /// A line feed, which no header has, if the header is one entry.
    separator: char,
    prefix: String,
    encoding: Encoding,
    parts: Vec<Part>,
    tolerance: Duration,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Hex,
    Base64,
}

impl Scheme {
    /// HMAC-SHA256 of the body, in hex, in this header and alone there. The setters change all of that
    /// but the hash.
    ///
    /// # Panics
    ///
    /// If it is no name of a header.
    #[must_use]
    #[track_caller]
    pub fn sha256(header: &str) -> Self {
        Self::new(Hash::Sha256, header_name(header))
    }

    /// [`sha256`](Self::sha256) with SHA-1, for senders that have nothing better.
    ///
    /// # Panics
    ///
    /// If it is no name of a header.
    #[must_use]
    #[track_caller]
    pub fn sha1(header: &str) -> Self {
        Self::new(Hash::Sha1, header_name(header))
    }

    fn new(hash: Hash, header: HeaderName) -> Self {
        Self {
            hash,
            header,
            separator: '\n',
            prefix: String::new(),
            encoding: Encoding::Hex,
            parts: vec![Part::body()],
            tolerance: Duration::from_secs(300),
            clock: Arc::new(SystemTime::now),
        }
    }

    /// The header has several entries, with this character between them. Spaces around an entry are
    /// ignored. The default is one entry.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// What an entry starts with if it is a signature: `sha256=`, `v1=`. Other entries are ignored. The
    /// default is nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The signature is in base64, of the standard alphabet and with padding.
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// What is signed: these parts, one after the other. The default is the body.
    ///
    /// # Panics
    ///
    /// If no part is of the request: one signature would then be right for every request.
    #[must_use]
    #[track_caller]
    pub fn parts(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts = parts.into_iter().collect();
        let is_text = |part: &Part| matches!(part.0, Kind::Text(_));
        assert!(
            !self.parts.iter().all(is_text),
            "a signature has to cover a part of the request"
        );
        self
    }

    /// How far the signed time may be from the clock, in the past and in the future. The default is 300
    /// seconds, [`Duration::MAX`] allows any time.
    ///
    /// Without a time among the [`parts`](Self::parts) a captured request can be sent again for ever.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Another clock than the system's, for tests.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// The same scheme, with the clock and the tolerance of another.
    pub(crate) fn timed_like(mut self, other: &Self) -> Self {
        self.tolerance = other.tolerance;
        self.clock = Arc::clone(&other.clock);
        self
    }

    /// Whether one of the keys signed the request. The label of that key becomes the
    /// [tenant](crate::Delivery::tenant).
    ///
    /// # Errors
    ///
    /// A [`Rejection`] of kind [`RejectionKind::Unauthorized`] that says what is missing or wrong. Its
    /// text has nothing of a key, a signature or the body.
    pub fn verify(&self, request: &Incoming<'_>, keys: &Keys) -> Result<Verified, Rejection> {
        let keys = keys.load();
        if keys.is_empty() {
            return Err(refused("there is no key"));
        }
        let header = only(request, &self.header)?;
        let entries = self.entries(header, &self.prefix);
        let signatures: Vec<_> = entries.filter_map(|entry| self.decode(entry)).collect();
        if signatures.is_empty() {
            return Err(self.no_signature());
        }
        let parts = self.parts.iter();
        let signed = parts.map(|part| self.signed(part, request, header));
        let signed: Vec<_> = signed.collect::<Result<_, _>>()?;
        let mut tried = keys.iter();
        let key = tried.find(|key| match self.hash {
            Hash::Sha1 => is_signed::<Hmac<Sha1>>(key, &signed, &signatures),
            Hash::Sha256 => is_signed::<Hmac<Sha256>>(key, &signed, &signatures),
        });
        let Some(key) = key else {
            return Err(self.no_key_matches(keys.len(), request.body().len()));
        };
        Ok(Verified {
            tenant: key.label.clone(),
            key: Some(Arc::clone(&key.bytes)),
            ..Verified::signed()
        })
    }

    /// What follows the prefix in the entries that start with it.
    fn entries<'a>(&self, header: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
        let entries = header.split(self.separator);
        entries.filter_map(move |entry| entry.trim().strip_prefix(prefix))
    }

    /// The bytes of a signature, or `None` for what cannot be one.
    fn decode(&self, signature: &str) -> Option<Vec<u8>> {
        let bytes = match self.encoding {
            Encoding::Hex => from_hex(signature)?,
            Encoding::Base64 => BASE64_STANDARD.decode(signature).ok()?,
        };
        let len = match self.hash {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
        };
        (bytes.len() == len).then_some(bytes)
    }

    fn signed<'a>(
        &'a self,
        part: &'a Part,
        request: &Incoming<'a>,
        header: &'a str,
    ) -> Result<Cow<'a, [u8]>, Rejection> {
        let text = match &part.0 {
            Kind::Body => return Ok(Cow::Borrowed(request.body())),
            Kind::Text(text) => text,
            Kind::Header(name) => only(request, name)?,
            Kind::TimestampHeader(name) => self.in_time(only(request, name)?)?,
            Kind::TimestampEntry(prefix) => self.in_time(self.timestamp(header, prefix)?)?,
            Kind::By(text) => return Ok(Cow::Owned(text(request).into_bytes())),
        };
        Ok(Cow::Borrowed(text.as_bytes()))
    }

    /// The one entry that is a time.
    fn timestamp<'a>(&self, header: &'a str, prefix: &str) -> Result<&'a str, Rejection> {
        let mut entries = self.entries(header, prefix);
        let count = match (entries.next(), entries.next()) {
            (Some(timestamp), None) => return Ok(timestamp),
            (None, _) => "no timestamp",
            (Some(_), Some(_)) => "two timestamps",
        };
        let reason = format!("the header {} has {count}", self.header);
        Err(refused(reason))
    }

    /// Returns the timestamp if it is near enough to the clock.
    fn in_time<'a>(&self, timestamp: &'a str) -> Result<&'a str, Rejection> {
        let Ok(unix) = timestamp.parse::<u64>() else {
            return Err(refused("the timestamp is not a Unix time"));
        };
        let is_seconds = unix < FIRST_MILLISECOND;
        let signed_at = if is_seconds { unix * 1000 } else { unix };
        let now = clock::epoch_ms((self.clock)());
        let off = now.abs_diff(signed_at);
        if u128::from(off) <= self.tolerance.as_millis() {
            return Ok(timestamp);
        }
        let is_old = signed_at < now;
        let side = if is_old { "old" } else { "in the future" };
        Err(refused(format!(
            "the timestamp is {} s {side}; {} s are allowed",
            off.div_ceil(1000),
            self.tolerance.as_secs()
        )))
    }

    fn no_signature(&self) -> Rejection {
        let Self { header, prefix, .. } = self;
        let encoding = match self.encoding {
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
        };
        refused(format!(
            "the header {header} has no signature of the form {prefix}<{encoding}>"
        ))
    }

    fn no_key_matches(&self, keys: usize, len: usize) -> Rejection {
        let none = match keys {
            1 => "the one key does not match".to_owned(),
            _ => format!("none of {keys} keys matches"),
        };
        let is_body_signed = self.parts.iter().any(|part| matches!(part.0, Kind::Body));
        refused(if is_body_signed {
            format!("{none} a body of {len} bytes: was it changed on the way?")
        } else {
            none
        })
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheme")
            .field("hash", &self.hash)
            .field("header", &self.header)
            .field("separator", &self.separator)
            .field("prefix", &self.prefix)
            .field("encoding", &self.encoding)
            .field("parts", &self.parts)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

/// Whether the key made one of the signatures.
fn is_signed<M: Mac + KeyInit + Clone>(
    key: &Key,
    signed: &[Cow<'_, [u8]>],
    signatures: &[Vec<u8>],
) -> bool {
    let mut mac: M = super::mac(&key.bytes);
    for part in signed {
        mac.update(part);
    }
    let mut signatures = signatures.iter();
    signatures.any(|signature| mac.clone().verify_slice(signature).is_ok())
}

/// The value of a header that has to be there once.
fn only<'a>(request: &Incoming<'a>, name: &HeaderName) -> Result<&'a str, Rejection> {
    let mut values = request.headers().get_all(name).into_iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str(),
        (None, _) => return Err(refused(format!("the header {name} is missing"))),
        (Some(_), Some(_)) => return Err(refused(format!("the header {name} occurs twice"))),
    };
    value.map_err(|_| refused(format!("the header {name} is not visible ASCII")))
}

/// `reason` must hold nothing of a key, a signature or a body.
fn refused(reason: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::because(RejectionKind::Unauthorized, reason)
}
