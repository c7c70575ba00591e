use serde::{Deserialize, Serialize};

use super::reference::{Reference, reference};
use crate::{
    json::{
        lenient::{list, object, optional, text},
        token::Object,
    },
    scalar::{Amount, Id, RawJson},
};

/// A product or a service.
///
/// Fields as in Alegra's page "Webhooks", section New-Item. All but the id may be missing.
#[doc(alias("ítem", "producto", "servicio"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Item {
    /// The item's id.
    pub id: Id,
    /// The name.
    #[doc(alias = "nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description.
    #[doc(alias = "descripción")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The reference.
    #[doc(alias = "referencia")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The item's own category; the page describes it in the same words as `category`.
    #[doc(alias = "categoría")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub item_category: Option<Reference>,
    /// A price for each price list.
    #[doc(alias = "precio")]
    #[serde(default, deserialize_with = "list")]
    pub price: Vec<Price>,
    /// The stock. Services have none.
    #[doc(alias = "inventario")]
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The item's category.
    #[doc(alias = "cuenta contable")]
    #[serde(default, deserialize_with = "reference", skip_serializing_if = "Option::is_none")]
    pub category: Option<Reference>,
    /// The taxes that apply.
    #[doc(alias = "impuesto")]
    #[serde(default, deserialize_with = "list")]
    pub tax: Vec<Reference>,
    /// The status, `active` for instance. The set of values is open.
    #[doc(alias = "estado")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The fields of the user's own. The page's table writes their ids as one text, `6, 5, 1`.
    #[doc(alias = "campos personalizados")]
    #[serde(default, deserialize_with = "list")]
    pub custom_fields: Vec<Reference>,
    /// The type, `variant`, `product`, `service`, `kit` for instance. The set of values is open.
    #[doc(alias = "tipo")]
    #[serde(rename = "type")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub item_type: Option<String>,
    /// `null` in the documented sample; the shape is not documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_attributes: Option<RawJson>,
    /// `null` in the documented sample; the shape is not documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_variants: Option<RawJson>,
    /// `null` in the documented sample; the shape is not documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subitems: Option<RawJson>,
}

impl Object<'_> for Item {}

/// What an item costs on one price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// The id of the price list, under the field `id` or `idPriceList`.
    #[doc(alias = "lista de precios")]
    #[serde(alias = "idPriceList")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The name of the price list. Not in the documented sample.
    #[doc(alias = "nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The price.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
}

impl Object<'_> for Price {}

/// The stock of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inventory {
    /// The unit of measure.
    #[doc(alias = "unidad de medida")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How much there is, in [`unit`](Self::unit)s.
    #[doc(alias = "cantidad disponible")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub available_quantity: Option<Amount>,
    /// What one unit costs.
    #[doc(alias = "costo unitario")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Amount>,
    /// How much there was at first, in [`unit`](Self::unit)s.
    #[doc(alias = "cantidad inicial")]
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub initial_quantity: Option<Amount>,
    /// Where it is kept.
    #[doc(alias = "bodegas")]
    #[serde(default, deserialize_with = "list")]
    pub warehouses: Vec<Reference>,
}

impl Object<'_> for Inventory {}
