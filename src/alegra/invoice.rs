use serde::{Deserialize, Serialize};

use super::reference::{NumberTemplate, Reference, reference};
use crate::{
    json::{
        lenient::{list, object, optional, text},
        token::Object,
    },
    scalar::{Amount, Date, Id},
};

/// A sales invoice.
///
/// Fields as in Alegra's page "Webhooks", section New-Invoice. All but the id may be missing. Live
/// invoices carry more than is documented: see [`Delivery::raw`](crate::Delivery::raw).
#[doc(alias("factura", "factura de venta"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Invoice {
    /// The invoice's id.
    pub id: Id,
    /// The date of issue, `YYYY-MM-DD`.
    #[doc(alias = "fecha")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The due date, `YYYY-MM-DD`.
    #[doc(alias = "fecha de vencimiento")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// Notes that are **not** visible on the printed document or its PDF.
    #[doc(alias = "observaciones")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub observations: Option<String>,
    /// Notes that **are** visible on the printed document and its PDF. Alegra spells the field with
    /// one n.
    #[doc(alias = "notas")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub anotation: Option<String>,
    /// The status: `draft`, `open`, `closed`, `void`. The set of values is open.
    #[doc(alias = "estado")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Who is to pay.
    #[doc(alias = "cliente")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub client: Option<Reference>,
    /// The numbering that it belongs to.
    #[doc(alias = "numeración")]
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub number_template: Option<NumberTemplate>,
    /// Who sold.
    #[doc(alias = "vendedor")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub seller: Option<Reference>,
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
    /// How many decimal places its amounts have.
    #[doc(alias = "precisión decimal")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub decimal_precision: Option<String>,
    /// The estimate that it came from.
    #[doc(alias = "cotización")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Reference>,
    /// The cost centre that it is booked to.
    #[doc(alias = "centro de costos")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<Reference>,
    /// What was sold. Empty when the invoice was deleted.
    #[doc(alias = "ítems")]
    #[serde(default, deserialize_with = "list")]
    pub items: Vec<LineItem>,
}

impl Object<'_> for Invoice {}

/// One line of an [`Invoice`] or a [`Bill`](super::Bill).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LineItem {
    /// The id of the item. The documented sample has none.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The name of the item.
    #[doc(alias = "nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description.
    #[doc(alias = "descripción")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The item's reference.
    #[doc(alias = "referencia")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What one unit costs.
    #[doc(alias = "precio")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// How many units.
    #[doc(alias = "cantidad")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    /// The taxes that apply.
    #[doc(alias = "impuesto")]
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub tax: Vec<Reference>,
    /// The delivery note that the line came from.
    #[doc(alias = "remisión")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub remission: Option<Reference>,
}

impl Object<'_> for LineItem {}
