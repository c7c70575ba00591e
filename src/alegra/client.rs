use serde::{Deserialize, Serialize};

use super::{identification::Identification, name::Name};
use crate::{
    json::{
        lenient::{list, object, text, text_or_object},
        token::Object,
    },
    scalar::Id,
};

/// A contact: a client, a provider of goods, both or neither; see [`types`](Self::types).
///
/// Fields as in Alegra's page "Webhooks", section New-Client. All but the id may be missing.
#[doc(alias("contacto", "cliente", "proveedor"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Client {
    /// The contact's id.
    pub id: Id,
    /// The name: in parts, as a `fullname`, or, inside a bill, as plain text.
    #[doc(alias = "nombre")]
    #[serde(default, deserialize_with = "text_or_object")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The main telephone number.
    #[doc(alias = "teléfono")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub phone_primary: Option<String>,
    /// The second telephone number.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub phone_secondary: Option<String>,
    /// The number of the mobile.
    #[doc(alias = "celular")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// The e-mail address.
    #[doc(alias = "correo")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `client`, `provider`, both or neither.
    #[doc(alias = "tipo")]
    #[serde(rename = "type", default, deserialize_with = "list")]
    pub types: Vec<String>,
    /// The number of the fax.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub fax: Option<String>,
    /// The number of an identity document: cédula, RFC, RNC, passport.
    #[doc(alias = "identificación")]
    #[serde(default, deserialize_with = "text_or_object")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identification: Option<Identification>,
    /// The address.
    #[doc(alias = "dirección")]
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

impl Object<'_> for Client {}

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

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Address {
    /// The postal code.
    #[doc(alias = "código postal")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<String>,
    /// The department, state or province.
    #[doc(alias = "departamento")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The country.
    #[doc(alias = "país")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Street and house.
    #[doc(alias = "dirección")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The city.
    #[doc(alias = "ciudad")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

impl Object<'_> for Address {}
