use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::topic::{Action, Topic};
use crate::{
    json::{
        lenient::{Scalar, optional, scalar},
        token::{Object, Token},
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
    #[doc(alias("empresa", "instancia"))]
    #[serde(alias = "cpnID", deserialize_with = "scalar")]
    pub cpn_id: u64,
    /// Where the resource can be read, **as the sender wrote it**: never append it to a base, take
    /// [`resource_path`](Self::resource_path).
    #[doc(alias = "recurso")]
    pub resource: String,
    /// The resource's id; for prices and stock the id of the variant.
    #[serde(alias = "resourceID")]
    pub resource_id: Id,
    /// What kind of resource it is.
    pub topic: Topic,
    /// What was done to it.
    pub action: Action,
    /// When the notice was sent, in Unix seconds. The documentation's sample of a document has
    /// none.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub send: Option<u64>,
    /// The office in which it happened. In notices of documents and stock, and in the
    /// documentation's sample of a price.
    #[doc(alias = "sucursal")]
    #[serde(alias = "officeID")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub office_id: Option<Id>,
    /// The price list. In notices of prices.
    #[doc(alias = "lista de precios")]
    #[serde(alias = "priceListID")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub price_list_id: Option<Id>,
    /// The seller. In notices of courier orders.
    #[doc(alias = "vendedor")]
    #[serde(alias = "sellerID")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<Id>,
    /// A credential of the user's. In notices of courier orders.
    ///
    /// It is read and never written: neither [`Debug`] nor [`Serialize`] gives it out, since what
    /// they write ends up in logs.
    #[serde(default, deserialize_with = "optional", skip_serializing)]
    pub user_token: Option<UserToken>,
}

impl Object<'_> for Notification {}

impl Notification {
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

    fn read(token: Token<'_>) -> Option<Self> {
        token.string().map(|text| Self(text.into()))
    }
}

impl Scalar for u64 {
    const EXPECTED: &'static str = "a whole number, or a string of its digits";

    fn read(token: Token<'_>) -> Option<Self> {
        let digits = token.text()?;
        // `parse` alone would take a sign and leading zeros, which no number of JSON's has.
        match digits.as_bytes() {
            [b'1'..=b'9', ..] | [b'0'] => digits.parse().ok(),
            _ => None,
        }
    }
}
