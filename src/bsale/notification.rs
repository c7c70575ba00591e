use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    resource_path::ResourcePath,
    topic::{Action, Topic},
};
use crate::{
    json::{
        lenient::{Misfit, Scalar, optional, scalar},
        token::Token,
    },
    scalar::Id,
};

/// A notice that a resource was made or changed. The resource itself has to be read through
/// Bsale's API.
///
/// Six fields are in Bsale's page "Webhooks", section "Estructura de notificaciones", which names
/// `officeId` as an extra; the others are in the pages of their topics.
#[doc(alias = "notificación")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Notification {
    /// The company in which it happened: the key of the tenant.
    #[doc(alias = "empresa")]
    #[doc(alias = "instancia")]
    #[serde(deserialize_with = "number")]
    pub cpn_id: u64,

    /// Where the resource can be read, **as the sender wrote it**: never append it to a base, take
    /// [`resource_path`](Self::resource_path).
    #[doc(alias = "recurso")]
    pub resource: String,

    /// The resource's id; for prices and stock the id of the variant.
    pub resource_id: Id,

    /// What kind of resource it is.
    pub topic: Topic,

    /// What was done to it.
    pub action: Action,

    /// When the notice was sent, in Unix seconds. The documentation's sample of a document has
    /// none.
    #[serde(
        default,
        deserialize_with = "optional_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub send: Option<u64>,

    /// The office in which it happened. In notices of documents and stock, and in the
    /// documentation's sample of a price.
    #[doc(alias = "sucursal")]
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub office_id: Option<Id>,

    /// The price list. In notices of prices.
    #[doc(alias = "lista de precios")]
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub price_list_id: Option<Id>,

    /// The seller. In notices of courier orders.
    #[doc(alias = "vendedor")]
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub seller_id: Option<Id>,

    /// A credential of the user's. In notices of courier orders.
    ///
    /// It is read and never written: neither [`Debug`] nor [`Serialize`] gives it out, since what
    /// they write ends up in logs.
    #[serde(default, deserialize_with = "optional", skip_serializing)]
    pub user_token: Option<UserToken>,
}

impl Notification {
    /// The path of the resource, if [`resource`](Self::resource) fits the topic and agrees with the
    /// ids beside it; nothing should be read where it does not.
    #[must_use]
    pub fn resource_path(&self) -> Option<ResourcePath> {
        ResourcePath::of(self)
    }

    /// [`send`](Self::send) as a point in time.
    #[must_use]
    pub fn sent_at(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.send?))
    }
}

/// A credential of a Bsale user's. [`Debug`] does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserToken(Box<str>);

impl UserToken {
    /// The credential, in the clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserToken(redacted)")
    }
}

impl Scalar for UserToken {
    const EXPECTED: &'static str = "a token: a string";

    fn read(token: Token<'_>) -> Result<Self, Misfit> {
        match token {
            Token::String(text) => Ok(Self(text.into())),
            _ => Err(Misfit),
        }
    }
}

/// A whole number, as such or as a string of its digits.
pub(super) struct Number(pub(super) u64);

impl Scalar for Number {
    const EXPECTED: &'static str = "a whole number, or a string of its digits";

    fn read(token: Token<'_>) -> Result<Self, Misfit> {
        let (Token::Number(digits) | Token::String(digits)) = token else {
            return Err(Misfit);
        };
        // `parse` alone would take a sign and leading zeros, which no number of JSON's has.
        match digits.as_bytes() {
            [b'1'..=b'9', ..] | [b'0'] => digits.parse().map(Self).map_err(|_| Misfit),
            _ => Err(Misfit),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer)
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Number::deserialize(deserializer).map(|Number(number)| number)
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    optional(deserializer).map(|number: Option<Number>| number.map(|Number(number)| number))
}
