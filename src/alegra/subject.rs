use super::{Bill, Client, Event, Invoice, Item};

/// What happened to what: one of the twelve subjects.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) verb: Verb,
    pub(super) entity: Entity,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    New,
    Edit,
    Delete,
}

#[derive(Clone, Copy)]
pub(super) enum Entity {
    Client,
    Item,
    Invoice,
    Bill,
}

/// By entity, then by verb, in the order of their variants.
pub(super) const NAMES: &[&str] = &[
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

impl Subject {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (verb, entity) = text.split_once('-')?;
        Some(Self {
            verb: match verb {
                "new" => Verb::New,
                "edit" => Verb::Edit,
                "delete" => Verb::Delete,
                _ => return None,
            },
            entity: match entity {
                "client" => Entity::Client,
                "item" => Entity::Item,
                "invoice" => Entity::Invoice,
                "bill" => Entity::Bill,
                _ => return None,
            },
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        NAMES[self.entity as usize * 3 + self.verb as usize]
    }

    pub(super) fn client(self, client: Client) -> Event {
        match self.verb {
            Verb::New => Event::NewClient(client),
            Verb::Edit => Event::EditClient(client),
            Verb::Delete => Event::DeleteClient(client),
        }
    }

    pub(super) fn item(self, item: Item) -> Event {
        match self.verb {
            Verb::New => Event::NewItem(item),
            Verb::Edit => Event::EditItem(item),
            Verb::Delete => Event::DeleteItem(item),
        }
    }

    pub(super) fn invoice(self, invoice: Invoice) -> Event {
        match self.verb {
            Verb::New => Event::NewInvoice(invoice),
            Verb::Edit => Event::EditInvoice(invoice),
            Verb::Delete => Event::DeleteInvoice(invoice),
        }
    }

    pub(super) fn bill(self, bill: Bill) -> Event {
        match self.verb {
            Verb::New => Event::NewBill(bill),
            Verb::Edit => Event::EditBill(bill),
            Verb::Delete => Event::DeleteBill(bill),
        }
    }
}

impl Entity {
    /// The one key of the message.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Item => "item",
            Self::Invoice => "invoice",
            Self::Bill => "bill",
        }
    }
}
