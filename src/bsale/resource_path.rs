use std::fmt;

use http::{Uri, uri::Scheme};

use super::{notification::Notification, topic::Topic};
use crate::scalar::Id;

/// The path of a notice's resource, checked against its topic.
///
/// The sender chooses only the digits, the version and a documented spelling, so the path cannot leave
/// the base. From [`Notification::resource_path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourcePath(String);

impl Notification {
    /// The path of the resource, if [`resource`](Self::resource) fits the topic and the ids in the
    /// notice. If it does not, read nothing.
    #[must_use]
    pub fn resource_path(&self) -> Option<ResourcePath> {
        let text = &self.resource;
        let text = text.strip_prefix('/').unwrap_or(text);
        let (version, path) = split_version(text);
        // In v1 a query says `variantid` and `officeid`, in v2 `variant` and `office`.
        let in_v2 = path.replace("id=", "=");
        let (template, ids) = self.template();
        is_written(&in_v2, template, ids)?;
        Some(ResourcePath(format!("/{version}{path}")))
    }

    /// How the topic's resource is written, with `#` for an id, and those of its ids that the notice
    /// names beside it.
    fn template(&self) -> (&'static str, [Option<&Id>; 2]) {
        let id = Some(&self.resource_id);
        let (list, office) = (self.price_list_id.as_ref(), self.office_id.as_ref());
        match self.topic {
            Topic::Document => ("documents/#.json", [id, None]),
            Topic::Product => ("products/#.json", [id, None]),
            Topic::Variant => ("variants/#.json", [id, None]),
            Topic::Payment => ("payments/#.json", [id, None]),
            Topic::CourierOrder => ("couriers/orders/#.json", [id, None]),
            Topic::Price => ("price_lists/#/details.json?variant=#", [list, id]),
            Topic::Stock => ("stocks.json?variant=#&office=#", [id, office]),
        }
    }
}

/// Whether the whole text is written like the template, with those ids where they are known. Ids have
/// at most as many digits as a 64-bit number.
fn is_written(text: &str, template: &str, ids: [Option<&Id>; 2]) -> Option<()> {
    let mut pieces = template.split('#');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    for (piece, known) in pieces.zip(ids) {
        let after = rest.trim_start_matches(|char: char| char.is_ascii_digit());
        let id = &rest[..rest.len() - after.len()];
        if !(1..=20).contains(&id.len()) || known.is_some_and(|known| *known != id) {
            return None;
        }
        rest = after.strip_prefix(piece)?;
    }
    rest.is_empty().then_some(())
}

/// `v1/` to `v99/`, if there is one, and what follows.
fn split_version(text: &str) -> (&str, &str) {
    let len = match text.as_bytes() {
        [b'v', b'1'..=b'9', b'/', ..] => 3,
        [b'v', b'1'..=b'9', b'0'..=b'9', b'/', ..] => 4,
        _ => 0,
    };
    text.split_at(len)
}

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
}

/// From the leading slash on.
impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
