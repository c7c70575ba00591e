use serde::{Deserialize, Serialize};

use super::{client::Client, invoice::LineItem, reference::NumberTemplate};
use crate::{
    json::{
        lenient::{boxed, flag, list, object, optional, text},
        token::Object,
    },
    scalar::{Amount, Date, Id},
};

/// A purchase invoice.
///
/// Alegra documents no webhook for bills. The fields are those of one that an integrator captured
/// in Colombia in 2026; all but the id may be missing.
#[doc(alias("factura de compra", "factura de proveedor"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Bill {
    /// The bill's id.
    pub id: Id,
    /// The date of issue, `YYYY-MM-DD`.
    #[doc(alias = "fecha")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The due date, `YYYY-MM-DD`.
    #[doc(alias = "fecha de vencimiento")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// The status. The field is `state`, where invoices have `status`.
    #[doc(alias = "estado")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The supplier, who is to be paid. The field is `client`.
    #[doc(alias = "proveedor")]
    #[serde(default, deserialize_with = "boxed", skip_serializing_if = "Option::is_none")]
    pub client: Option<Box<Client>>,
    /// Where the goods went.
    #[doc(alias = "bodega")]
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<Warehouse>,
    /// What was bought. May be empty although the total is not zero.
    #[doc(alias = "ítems")]
    #[serde(default, deserialize_with = "list")]
    pub items: Vec<LineItem>,
    /// The subtotal.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub subtotal: Option<Amount>,
    /// The total.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub total: Option<Amount>,
    /// The amount paid.
    #[doc(alias = "total pagado")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub total_paid: Option<Amount>,
    /// The amount due.
    #[doc(alias = "saldo")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub balance: Option<Amount>,
    /// How many decimal places its amounts have. A number here, a string in invoices.
    #[doc(alias = "precisión decimal")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub decimal_precision: Option<String>,
    /// Notes.
    #[doc(alias = "observaciones")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub observations: Option<String>,
    /// The terms and conditions.
    #[doc(alias = "términos y condiciones")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub terms_conditions: Option<String>,
    /// The numbering, seen with a number and no id.
    #[doc(alias = "numeración")]
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub number_template: Option<NumberTemplate>,
    /// A date and a time, seen with midnight, in no stated zone.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub date_time: Option<Date>,
    /// A date with a time of day, in no stated zone.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub time: Option<Date>,
}

impl Object<'_> for Bill {}

/// Where goods are kept.
#[doc(alias = "bodega")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Warehouse {
    /// The warehouse's id, a UUID since 2026.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The name.
    #[doc(alias = "nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is the default warehouse.
    #[serde(default, deserialize_with = "flag", skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
}

impl Object<'_> for Warehouse {}
