//! The payloads as an integrator types them from the providers' pages: owned text, money as floats,
//! `serde` without a word of its own. They hold the same fields as the crate's types.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An event that has an id.
pub trait Event: DeserializeOwned + Send + Sync + 'static {
    fn id(&self) -> &str;
}

#[derive(Debug, Deserialize)]
pub struct Envelope<M> {
    pub subject: String,
    pub message: M,
}

#[derive(Debug, Deserialize)]
pub struct ClientMessage {
    pub client: Client,
}

#[derive(Debug, Deserialize)]
pub struct InvoiceMessage {
    pub invoice: Invoice,
}

pub type NewClient = Envelope<ClientMessage>;
pub type NewInvoice = Envelope<InvoiceMessage>;

impl Event for NewClient {
    fn id(&self) -> &str {
        &self.message.client.id
    }
}

impl Event for NewInvoice {
    fn id(&self) -> &str {
        &self.message.invoice.id
    }
}

impl Event for Notice {
    fn id(&self) -> &str {
        &self.resource_id
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub id: String,
    pub name: Option<Name>,
    pub phone_primary: Option<String>,
    pub phone_secondary: Option<String>,
    pub mobile: Option<String>,
    pub email: Option<String>,
    #[serde(rename = "type", default)]
    pub types: Vec<String>,
    pub fax: Option<String>,
    pub identification: Option<String>,
    pub address: Option<Address>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Name {
    pub first_name: Option<String>,
    pub second_name: Option<String>,
    pub last_name: Option<String>,
    pub second_last_name: Option<String>,
    pub fullname: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    pub zip_code: Option<String>,
    pub department: Option<String>,
    pub country: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    pub id: String,
    pub date: Option<String>,
    pub due_date: Option<String>,
    pub observations: Option<String>,
    pub anotation: Option<String>,
    pub status: Option<String>,
    pub client: Option<Reference>,
    pub number_template: Option<NumberTemplate>,
    pub seller: Option<Reference>,
    pub total: Option<f64>,
    pub total_paid: Option<f64>,
    pub balance: Option<f64>,
    pub decimal_precision: Option<String>,
    pub estimate: Option<Reference>,
    pub cost_center: Option<Reference>,
    #[serde(default)]
    pub items: Vec<LineItem>,
}

#[derive(Debug, Deserialize)]
pub struct Reference {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct NumberTemplate {
    pub id: Option<String>,
    pub number: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct LineItem {
    pub id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub reference: Option<String>,
    pub price: Option<f64>,
    pub quantity: Option<f64>,
    #[serde(default)]
    pub tax: Vec<Reference>,
    pub remission: Option<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub cpn_id: u64,
    pub resource: String,
    pub resource_id: String,
    pub topic: String,
    pub action: String,
    pub office_id: Option<String>,
    pub price_list_id: Option<String>,
    pub send: Option<u64>,
}
