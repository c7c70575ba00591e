//! A delivery in one line: where the typed events are looked at.

use serde::Serialize;
use tower_webhook::{
    Amount, Event,
    alegra::{self, Item},
    bsale,
};

use super::shown::Shown;

/// What a terminal has room for.
const MOST_PRICES: usize = 8;

/// An event that the examples know how to print.
pub(crate) trait Describe: Event + Serialize {
    /// What happened, to what, and the one thing that is worth knowing about it.
    fn describe(&self) -> String;
}

impl Describe for alegra::Event {
    fn describe(&self) -> String {
        use alegra::Event::{
            DeleteBill, DeleteClient, DeleteInvoice, DeleteItem, Drifted, EditBill, EditClient,
            EditInvoice, EditItem, NewBill, NewClient, NewInvoice, NewItem, Unknown,
        };

        let detail = match self {
            NewClient(client) | EditClient(client) | DeleteClient(client) => {
                let name = client.name.as_ref().map(ToString::to_string);
                format!("name={}", or_dash(name.as_deref().map(Shown)))
            }
            NewItem(item) | EditItem(item) | DeleteItem(item) => {
                format!("prices={}", prices(item))
            }
            NewInvoice(invoice) | EditInvoice(invoice) | DeleteInvoice(invoice) => {
                format!("total={}", or_dash(invoice.total.as_ref()))
            }
            NewBill(bill) | EditBill(bill) | DeleteBill(bill) => {
                format!("total={}", or_dash(bill.total.as_ref()))
            }
            Drifted(drifted) => {
                let path = Shown(&drifted.path);
                return format!(
                    "drifted subject={} {} path={path}",
                    drifted.subject,
                    id(self)
                );
            }
            Unknown(unknown) => return format!("unknown subject={}", Shown(&unknown.subject)),
            _ => String::new(),
        };
        format!("{} {} {detail}", self.subject(), id(self))
    }
}

impl Describe for bsale::Event {
    fn describe(&self) -> String {
        match self {
            Self::Notification(notification) => {
                let topic = notification.topic.as_str();
                let action = notification.action.as_str();
                match notification.resource_path() {
                    Some(path) => format!("{topic} {action} {} path={path}", id(self)),
                    None => format!("{topic} {action} {} no path", id(self)),
                }
            }
            Self::Unknown(unknown) => {
                let action = or_dash(unknown.action.as_deref().map(Shown));
                let topic = Shown(&unknown.topic);
                format!("unknown topic={topic} action={action} {}", id(self))
            }
            Self::Drifted(drifted) => {
                let path = Shown(&drifted.path);
                let topic = drifted.topic.as_str();
                format!("drifted topic={topic} {} path={path}", id(self))
            }
            _ => self.topic().escape_debug().to_string(),
        }
    }
}

fn id<E: Event>(event: &E) -> String {
    format!("id={}", or_dash(event.id().map(Shown)))
}

/// One for each price list, with all of their digits.
fn prices(item: &Item) -> String {
    let price = |price: &alegra::Price| or_dash(price.price.as_ref().map(Amount::as_str));
    let shown: Vec<String> = item.price.iter().take(MOST_PRICES).map(price).collect();
    match item.price.len().saturating_sub(MOST_PRICES) {
        0 if shown.is_empty() => "-".to_owned(),
        0 => shown.join(","),
        more => format!("{} and {more} more", shown.join(",")),
    }
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
