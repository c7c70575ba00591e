use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use super::{bill::Bill, client::Client, invoice::Invoice, item::Item};
use crate::{json::token::Object, provider, scalar::Id};

/// An event of Alegra.
///
/// A typed event serializes into the envelope that Alegra sends, and what is written decodes to an
/// equal event again. For a queue take the [`Record`](crate::Record), which holds the raw body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `new-client`: a contact was created, one that is only a supplier included.
    #[doc(alias = "nuevo cliente")]
    NewClient(Client),
    /// `edit-client`: a contact was changed; this is all of it.
    EditClient(Client),
    /// `delete-client`: a contact was deleted; rely on nothing but the id.
    DeleteClient(Client),
    /// `new-item`: an item was made.
    #[doc(alias = "nuevo ítem")]
    NewItem(Item),
    /// `edit-item`: an item was changed; this is all of it.
    EditItem(Item),
    /// `delete-item`: an item was deleted; rely on nothing but the id.
    DeleteItem(Item),
    /// `new-invoice`: a sales invoice was made.
    #[doc(alias = "nueva factura")]
    NewInvoice(Invoice),
    /// `edit-invoice`: a sales invoice was changed, a draft opened, an invoice voided; this is all
    /// of it.
    EditInvoice(Invoice),
    /// `delete-invoice`: a sales invoice was deleted. Comes with empty `items`.
    DeleteInvoice(Invoice),
    /// `new-bill`: a purchase invoice was made.
    #[doc(alias = "nueva factura de compra")]
    NewBill(Bill),
    /// `edit-bill`: a purchase invoice was changed; this is all of it.
    EditBill(Bill),
    /// `delete-bill`: a purchase invoice was deleted. Still comes with its `items`.
    DeleteBill(Bill),
    /// A subject that this crate does not know.
    Unknown(Unknown),
    /// A subject that this crate knows, with content that no longer fits its types.
    Drifted(Drifted),
}

/// An event of an unknown subject. The body is in [`Delivery::raw`](crate::Delivery::raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unknown {
    /// The subject, as it was sent: anybody's text of any length.
    pub subject: String,
}

/// An event whose content does not fit. The body is in [`Delivery::raw`](crate::Delivery::raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Drifted {
    /// The subject, one of the twelve.
    pub subject: String,
    /// Where in the body the first misfit is: `message.invoice.items[3].price`. Written as `drifted`.
    #[serde(rename = "drifted")]
    pub path: String,
    /// The id of the object, where it could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
}

impl Object<'_> for Drifted {}

/// The twelve subjects.
pub(super) const SUBJECTS: &[&str] = &[
    "new-client",
    "edit-client",
    "delete-client",
    "new-item",
    "edit-item",
    "delete-item",
    "new-invoice",
    "edit-invoice",
    "delete-invoice",
    "new-bill",
    "edit-bill",
    "delete-bill",
];

/// The one of the twelve that the text is.
pub(super) fn subject(text: &str) -> Option<&'static str> {
    SUBJECTS.iter().find(|subject| **subject == text).copied()
}

impl Event {
    /// The subject: what Alegra's API for subscriptions calls the `event`.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::NewClient(_) => "new-client",
            Self::EditClient(_) => "edit-client",
            Self::DeleteClient(_) => "delete-client",
            Self::NewItem(_) => "new-item",
            Self::EditItem(_) => "edit-item",
            Self::DeleteItem(_) => "delete-item",
            Self::NewInvoice(_) => "new-invoice",
            Self::EditInvoice(_) => "edit-invoice",
            Self::DeleteInvoice(_) => "delete-invoice",
            Self::NewBill(_) => "new-bill",
            Self::EditBill(_) => "edit-bill",
            Self::DeleteBill(_) => "delete-bill",
            Self::Drifted(drifted) => &drifted.subject,
            Self::Unknown(unknown) => &unknown.subject,
        }
    }
}

impl provider::Event for Event {
    /// The subject.
    fn name(&self) -> &str {
        self.subject()
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        let id = match self {
            Self::NewClient(it) | Self::EditClient(it) | Self::DeleteClient(it) => &it.id,
            Self::NewItem(it) | Self::EditItem(it) | Self::DeleteItem(it) => &it.id,
            Self::NewInvoice(it) | Self::EditInvoice(it) | Self::DeleteInvoice(it) => &it.id,
            Self::NewBill(it) | Self::EditBill(it) | Self::DeleteBill(it) => &it.id,
            Self::Drifted(drifted) => drifted.id.as_ref()?,
            Self::Unknown(_) => return None,
        };
        Some(id.as_str().into())
    }

    /// `subject:id` for what happens once to an object: that it is made, and that it is deleted.
    ///
    /// An edit has none. It carries no time and no number. Of edits to A, to B and to A again, the
    /// third has the bytes of the first. A receiver that drops it keeps B.
    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        let (subject, id) = (self.subject(), self.id()?);
        (!subject.starts_with("edit-")).then(|| format!("{subject}:{id}").into())
    }
}

/// An envelope as it is written.
#[derive(Serialize)]
struct Envelope<'a> {
    subject: &'a str,
    message: Entity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Entity<'a> {
    Client(&'a Client),
    Item(&'a Item),
    Invoice(&'a Invoice),
    Bill(&'a Bill),
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use Entity::{Bill, Client, Invoice, Item};

        let subject = self.subject();
        let message = match self {
            Self::NewClient(it) | Self::EditClient(it) | Self::DeleteClient(it) => Client(it),
            Self::NewItem(it) | Self::EditItem(it) | Self::DeleteItem(it) => Item(it),
            Self::NewInvoice(it) | Self::EditInvoice(it) | Self::DeleteInvoice(it) => Invoice(it),
            Self::NewBill(it) | Self::EditBill(it) | Self::DeleteBill(it) => Bill(it),
            Self::Unknown(unknown) => return unknown.serialize(serializer),
            Self::Drifted(drifted) => return drifted.serialize(serializer),
        };
        Envelope { subject, message }.serialize(serializer)
    }
}
