use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{
    lenient::{Scalar, scalar},
    token::Token,
};

/// What kind of resource a notice is about.
#[doc(alias = "tópico")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Topic {
    /// A document was made.
    #[doc(alias = "documento")]
    Document,
    /// A product was made or changed. Its deactivation is a change.
    #[doc(alias = "producto")]
    Product,
    /// A variant of a product was made or changed.
    #[doc(alias = "variante")]
    Variant,
    /// The price of a variant was changed on one price list.
    #[doc(alias = "precio")]
    Price,
    /// The stock of a variant changed in one office.
    #[doc(alias = "stock")]
    Stock,
    /// A payment was made or changed. Beta: has to be asked for by e-mail.
    #[doc(alias = "pago")]
    Payment,
    /// A courier order was made. Its resource is on [`COURIER_API_BASE`](super::COURIER_API_BASE).
    #[doc(alias = "orden de courier")]
    CourierOrder,
}

const ALL: [Topic; 7] = [
    Topic::Document,
    Topic::Product,
    Topic::Variant,
    Topic::Price,
    Topic::Stock,
    Topic::Payment,
    Topic::CourierOrder,
];

/// In the order of the variants.
pub(super) const NAMES: &[&str] = &[
    "document",
    "product",
    "variant",
    "price",
    "stock",
    "payment",
    "courierOrder",
];

impl Topic {
    /// The topic as Bsale writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize]
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// What was done to the resource.
#[doc(alias = "acción")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// It was made.
    Post,
    /// It was changed.
    Put,
    /// It was deleted. In the documentation's prose, in none of its samples.
    Delete,
}

impl Action {
    /// The action in lower case, as every sample has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }

    /// The prose writes actions in upper case, the samples in lower case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Post, Self::Put, Self::Delete]
            .into_iter()
            .find(|action| text.eq_ignore_ascii_case(action.as_str()))
    }
}

// A derived enum would also be read from an object, `{"document": null}`.

impl Scalar for Topic {
    const EXPECTED: &'static str = "a topic that Bsale documents";

    fn read(token: Token<'_>) -> Option<Self> {
        token.string().and_then(|text| Self::parse(&text))
    }
}

impl Scalar for Action {
    const EXPECTED: &'static str = "an action: post, put or delete";

    fn read(token: Token<'_>) -> Option<Self> {
        token.string().and_then(|text| Self::parse(&text))
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer)
    }
}
