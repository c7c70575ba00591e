use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{
    json::{
        lenient::{expected, object, text, texts},
        token::Token,
    },
    scalar::Id,
};

/// A contact: a client, a provider of goods, both or neither; see [`types`](Self::types).
///
/// Fields as in Alegra's page "Webhooks", section New-Client. All but the id may be missing.
#[doc(alias = "contacto")]
#[doc(alias = "cliente")]
#[doc(alias = "proveedor")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Client {
    /// The contact's id.
    pub id: Id,

    /// The name: in parts, as a `fullname`, or, inside a bill, as plain text.
    #[doc(alias = "nombre")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,

    /// The main telephone number.
    #[doc(alias = "teléfono")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub phone_primary: Option<String>,

    /// The second telephone number.
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub phone_secondary: Option<String>,

    /// The number of the mobile.
    #[doc(alias = "celular")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub mobile: Option<String>,

    /// The e-mail address.
    #[doc(alias = "correo")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub email: Option<String>,

    /// `client`, `provider`, both or neither.
    #[doc(alias = "tipo")]
    #[serde(rename = "type", default, deserialize_with = "texts")]
    pub types: Vec<String>,

    /// The number of the fax.
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub fax: Option<String>,

    /// The number of an identity document: cédula, NIT, RFC, RNC, passport.
    #[doc(alias = "identificación")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification: Option<Identification>,

    /// The address.
    #[doc(alias = "dirección")]
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<Address>,
}

impl Client {
    /// Whether `client` is among its [`types`](Self::types).
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.types.iter().any(|kind| kind == "client")
    }

    /// Whether `provider` is among its [`types`](Self::types).
    #[must_use]
    pub fn is_provider(&self) -> bool {
        self.types.iter().any(|kind| kind == "provider")
    }
}

/// A contact's name. [`Display`](fmt::Display) writes it out as one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Name {
    /// An object with the parts of the name.
    Parts(NameParts),
    /// Plain text.
    Text(String),
}

/// The parts of a [`Name`]: the first four, or `fullname` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NameParts {
    /// The first given name.
    #[doc(alias = "primer nombre")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_name: Option<String>,

    /// The second given name.
    #[doc(alias = "segundo nombre")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub second_name: Option<String>,

    /// The first family name.
    #[doc(alias = "primer apellido")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_name: Option<String>,

    /// The second family name.
    #[doc(alias = "segundo apellido")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub second_last_name: Option<String>,

    /// The whole name, instead of its parts. The field is `fullname`, in lower case.
    #[doc(alias = "nombre completo")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub fullname: Option<String>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match self {
            Self::Text(text) => return f.write_str(text),
            Self::Parts(parts) => parts,
        };
        let written = [
            &parts.fullname,
            &parts.first_name,
            &parts.second_name,
            &parts.last_name,
            &parts.second_last_name,
        ];
        let mut words = written
            .into_iter()
            .flatten()
            .filter(|word| !word.is_empty());
        if let Some(first) = words.next() {
            f.write_str(first)?;
        }
        words.try_for_each(|word| write!(f, " {word}"))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match text_or_object(deserializer)? {
            TextOrObject::Text(text) => Ok(Self::Text(text)),
            TextOrObject::Object(parts) => Ok(Self::Parts(parts)),
        }
    }
}

/// A contact's identity document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Identification {
    /// An object with the kind of document, its number and the check digit, as in Alegra's REST
    /// API.
    #[non_exhaustive]
    Document {
        /// The kind of document: `CC`, `NIT`, …
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// The number.
        #[serde(skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// The check digit.
        #[doc(alias = "dígito de verificación")]
        #[serde(skip_serializing_if = "Option::is_none")]
        dv: Option<String>,
    },
    /// The number alone, as documented for webhooks.
    Text(String),
}

impl Identification {
    /// The number, however it is written.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Document { number, .. } => number.as_deref(),
        }
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "text")]
    number: Option<String>,
    #[serde(default, deserialize_with = "text")]
    dv: Option<String>,
}

impl<'de> Deserialize<'de> for Identification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match text_or_object(deserializer)? {
            TextOrObject::Text(text) => Ok(Self::Text(text)),
            TextOrObject::Object(Document { kind, number, dv }) => {
                Ok(Self::Document { kind, number, dv })
            }
        }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Address {
    /// The postal code.
    #[doc(alias = "código postal")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub zip_code: Option<String>,

    /// The department, state or province.
    #[doc(alias = "departamento")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub department: Option<String>,

    /// The country.
    #[doc(alias = "país")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub country: Option<String>,

    /// Street and house.
    #[doc(alias = "dirección")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<String>,

    /// The city.
    #[doc(alias = "ciudad")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub city: Option<String>,
}

enum TextOrObject<T> {
    Text(String),
    Object(T),
}

fn text_or_object<'de, D, T>(deserializer: D) -> Result<TextOrObject<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match Token::of(raw.get()) {
        Token::String(text) => Ok(TextOrObject::Text(text.into_owned())),
        Token::Number(digits) => Ok(TextOrObject::Text(digits.to_owned())),
        Token::Container(object) if object.starts_with('{') => serde_json::from_str(object)
            .map(TextOrObject::Object)
            .map_err(|_| expected("text, or an object of texts")),
        _ => Err(expected("text, or an object of texts")),
    }
}
