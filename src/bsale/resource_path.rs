use std::fmt;

use http::{Uri, uri::Scheme};

use super::{notification::Notification, topic::Topic};
use crate::scalar::Id;

/// The path of a notice's resource, checked against its topic.
///
/// Nothing of the sender's text is in it but digits and the choice between documented spellings, so
/// it stays on the base that it is put on. From [`Notification::resource_path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourcePath(String);

impl Notification {
    /// The path of the resource, if [`resource`](Self::resource) fits the topic and agrees with the
    /// ids beside it; nothing should be read where it does not.
    #[must_use]
    pub fn resource_path(&self) -> Option<ResourcePath> {
        let text = &self.resource;
        let text = text.strip_prefix('/').unwrap_or(text);
        let (version, path) = split_version(text);
        // In v1 a query says `variantid` and `officeid`, in v2 `variant` and `office`.
        let in_v2 = path.replace("id=", "=");
        let ids = ids_in(template(self.topic), &in_v2)?;
        let agrees = ids
            .into_iter()
            .zip(self.named_ids())
            .all(|(id, named)| named.is_none_or(|named| *named == id));
        agrees.then(|| ResourcePath(format!("/{version}{path}")))
    }

    /// The ids beside the resource, in the order in which the topic's template has them.
    fn named_ids(&self) -> [Option<&Id>; 2] {
        let id = Some(&self.resource_id);
        match self.topic {
            Topic::Price => [self.price_list_id.as_ref(), id],
            Topic::Stock => [id, self.office_id.as_ref()],
            _ => [id, None],
        }
    }
}

/// How a topic's resource is written, with `#` for an id.
fn template(topic: Topic) -> &'static str {
    match topic {
        Topic::Document => "documents/#.json",
        Topic::Product => "products/#.json",
        Topic::Variant => "variants/#.json",
        Topic::Payment => "payments/#.json",
        Topic::CourierOrder => "couriers/orders/#.json",
        Topic::Price => "price_lists/#/details.json?variant=#",
        Topic::Stock => "stocks.json?variant=#&office=#",
    }
}

/// What stands for each `#`, if the whole text is written like the template. Ids have at most as many
/// digits as a 64-bit number.
fn ids_in<'a>(template: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    let mut pieces = template.split('#');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    for piece in pieces {
        let after = rest.trim_start_matches(|char: char| char.is_ascii_digit());
        let id = &rest[..rest.len() - after.len()];
        if !(1..=20).contains(&id.len()) {
            return None;
        }
        ids.push(id);
        rest = after.strip_prefix(piece)?;
    }
    rest.is_empty().then_some(ids)
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
