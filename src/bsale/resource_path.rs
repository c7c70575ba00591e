use std::fmt;

use http::{Uri, uri::Scheme};

use super::{notification::Notification, topic::Topic};
use crate::scalar::Id;

/// The path of a notice's resource, checked against its topic and rebuilt from its parts.
///
/// Nothing of the sender's text is in it but digits and the choice between documented spellings, so
/// it stays on the base that it is put on. From [`Notification::resource_path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourcePath {
    version: Option<u8>,
    resource: Resource,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Resource {
    /// `/documents/1811905.json` and its like: the collection, the id.
    One(&'static str, Box<str>),
    Price {
        list: Box<str>,
        variant_key: &'static str,
        variant: Box<str>,
    },
    Stock {
        variant_key: &'static str,
        variant: Box<str>,
        office_key: &'static str,
        office: Box<str>,
    },
}

impl Notification {
    /// The path of the resource, if [`resource`](Self::resource) fits the topic and agrees with the
    /// ids beside it; nothing should be read where it does not.
    #[must_use]
    pub fn resource_path(&self) -> Option<ResourcePath> {
        ResourcePath::of(self)
    }
}

/// In v1 a query says `variantid`, in v2 `variant`.
const VARIANT_KEYS: [&str; 2] = ["variant=", "variantid="];
const OFFICE_KEYS: [&str; 2] = ["office=", "officeid="];

impl ResourcePath {
    /// The resource's URI: the base's scheme, host and path, and this path behind them. A base that
    /// names a host without a scheme gets `https`; a query of the base's is left out.
    ///
    /// The base is yours to choose, [`API_BASE`](super::API_BASE) or another; it never comes out of
    /// a notice.
    ///
    /// # Panics
    ///
    /// When both together are longer than the 65,534 bytes that a [`Uri`] holds.
    #[must_use]
    pub fn on(&self, base: &Uri) -> Uri {
        let mut parts = base.clone().into_parts();
        if parts.authority.is_some() && parts.scheme.is_none() {
            parts.scheme = Some(Scheme::HTTPS);
        }
        let prefix = base.path().trim_end_matches('/');
        let prefix = if prefix.starts_with('/') { prefix } else { "" };
        let path = format!("{prefix}{self}").parse();
        parts.path_and_query = Some(path.expect("a path of at most 65,534 bytes"));
        Uri::from_parts(parts).expect("a host has a scheme and a path")
    }

    /// The whole resource has to fit its topic's template, and the ids in it have to be those that
    /// the notice names beside it.
    fn of(notification: &Notification) -> Option<Self> {
        let text = &notification.resource;
        let text = text.strip_prefix('/').unwrap_or(text);
        let (version, text) = split_version(text);
        let resource = match notification.topic {
            Topic::Document => one("documents", text)?,
            Topic::Product => one("products", text)?,
            Topic::Variant => one("variants", text)?,
            Topic::Payment => one("payments", text)?,
            Topic::CourierOrder => one("couriers/orders", text)?,
            Topic::Price => {
                let (list, text) = digits(text.strip_prefix("price_lists/")?)?;
                let (variant_key, text) = key(text.strip_prefix("/details.json?")?, VARIANT_KEYS)?;
                Resource::Price {
                    list: list.into(),
                    variant_key,
                    variant: whole(text)?,
                }
            }
            Topic::Stock => {
                let (variant_key, text) = key(text.strip_prefix("stocks.json?")?, VARIANT_KEYS)?;
                let (variant, text) = digits(text)?;
                let (office_key, text) = key(text.strip_prefix('&')?, OFFICE_KEYS)?;
                Resource::Stock {
                    variant_key,
                    variant: variant.into(),
                    office_key,
                    office: whole(text)?,
                }
            }
        };
        resource
            .agrees_with(notification)
            .then_some(Self { version, resource })
    }
}

impl Resource {
    fn agrees_with(&self, notification: &Notification) -> bool {
        let is = |id: &Option<Id>, part: &str| id.as_ref().is_none_or(|id| id.as_str() == part);
        match self {
            Self::One(_, id) => notification.resource_id == **id,
            Self::Price { list, variant, .. } => {
                notification.resource_id == **variant && is(&notification.price_list_id, list)
            }
            Self::Stock {
                variant, office, ..
            } => notification.resource_id == **variant && is(&notification.office_id, office),
        }
    }
}

/// From the leading slash on.
impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version {
            write!(f, "/v{version}")?;
        }
        match &self.resource {
            Resource::One(collection, id) => write!(f, "/{collection}/{id}.json"),
            Resource::Price {
                list,
                variant_key,
                variant,
            } => write!(f, "/price_lists/{list}/details.json?{variant_key}{variant}"),
            Resource::Stock {
                variant_key,
                variant,
                office_key,
                office,
            } => write!(
                f,
                "/stocks.json?{variant_key}{variant}&{office_key}{office}"
            ),
        }
    }
}

fn one(collection: &'static str, text: &str) -> Option<Resource> {
    let text = text.strip_prefix(collection)?.strip_prefix('/')?;
    let id = whole(text.strip_suffix(".json")?)?;
    Some(Resource::One(collection, id))
}

/// `v1/` to `v99/`, if there is one.
fn split_version(text: &str) -> (Option<u8>, &str) {
    let version = || {
        let (digits, rest) = digits(text.strip_prefix('v')?)?;
        let rest = rest.strip_prefix('/')?;
        let version = digits.parse().ok()?;
        let plain = !digits.starts_with('0') && (1..=99).contains(&version);
        plain.then_some((Some(version), rest))
    };
    version().unwrap_or((None, text))
}

fn key<'a>(text: &'a str, keys: [&'static str; 2]) -> Option<(&'static str, &'a str)> {
    keys.into_iter()
        .find_map(|key| Some((key, text.strip_prefix(key)?)))
}

/// Nothing but an id.
fn whole(text: &str) -> Option<Box<str>> {
    match digits(text)? {
        (id, "") => Some(id.into()),
        _ => None,
    }
}

/// A run of digits and what follows. Ids have at most as many as a 64-bit number.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    (1..=20).contains(&end).then(|| text.split_at(end))
}
