//! Every field that the providers document, with its documented type and how it is read. A value of
//! the documented sample that no row reads fails the test: no documented field lives in `raw()` alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tower_webhook::{
    alegra::{Bill, Client, Event, Invoice, Item, Name, NameParts},
    bsale::{self, Notification},
};

use crate::util::variant;

/// Where it stands, its type in the provider's table or sample, and its accessor.
type Row<T> = (&'static str, &'static str, fn(&T) -> Option<String>);

fn text(value: &Option<String>) -> Option<String> {
    value.clone()
}

fn shown(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn name_part(client: &Client, part: fn(&NameParts) -> &Option<String>) -> Option<String> {
    match client.name.as_ref()? {
        Name::Parts(parts) => part(parts).clone(),
        _ => None,
    }
}

#[rustfmt::skip]
const CLIENT: &[Row<Client>] = &[
    ("id", "Integer in the table, String in the sample", |it| shown(Some(&it.id))),
    ("name.firstName", "String", |it| name_part(it, |name| &name.first_name)),
    ("name.secondName", "String", |it| name_part(it, |name| &name.second_name)),
    ("name.lastName", "String", |it| name_part(it, |name| &name.last_name)),
    ("name.secondLastName", "String", |it| name_part(it, |name| &name.second_last_name)),
    ("name.fullname", "String", |it| name_part(it, |name| &name.fullname)),
    ("phonePrimary", "String", |it| text(&it.phone_primary)),
    ("phoneSecondary", "String", |it| text(&it.phone_secondary)),
    ("mobile", "String", |it| text(&it.mobile)),
    ("email", "String", |it| text(&it.email)),
    ("type[0]", "Array", |it| it.types.first().cloned()),
    ("type[1]", "Array", |it| it.types.get(1).cloned()),
    ("fax", "String", |it| text(&it.fax)),
    ("identification", "String", |it| shown(it.identification.as_ref()?.number())),
    ("address.zipCode", "String", |it| text(&it.address.as_ref()?.zip_code)),
    ("address.department", "String", |it| text(&it.address.as_ref()?.department)),
    ("address.country", "String", |it| text(&it.address.as_ref()?.country)),
    ("address.address", "String", |it| text(&it.address.as_ref()?.address)),
    ("address.city", "String", |it| text(&it.address.as_ref()?.city)),
];

#[rustfmt::skip]
const ITEM: &[Row<Item>] = &[
    ("id", "String", |it| shown(Some(&it.id))),
    ("name", "String", |it| text(&it.name)),
    ("description", "String", |it| text(&it.description)),
    ("reference", "String", |it| text(&it.reference)),
    ("itemCategory.id", "Object", |it| shown(it.item_category.as_ref().map(|to| &to.id))),
    ("price[0].id", "Array", |it| shown(it.price.first()?.id.as_ref())),
    ("price[0].price", "Array", |it| shown(it.price.first()?.price.as_ref())),
    ("price[1].id", "Array", |it| shown(it.price.get(1)?.id.as_ref())),
    ("price[1].price", "Array", |it| shown(it.price.get(1)?.price.as_ref())),
    ("inventory.unit", "Object", |it| text(&it.inventory.as_ref()?.unit)),
    ("inventory.availableQuantity", "Object", |it| shown(it.inventory.as_ref()?.available_quantity.as_ref())),
    ("inventory.unitCost", "Object", |it| shown(it.inventory.as_ref()?.unit_cost.as_ref())),
    ("inventory.initialQuantity", "Object", |it| shown(it.inventory.as_ref()?.initial_quantity.as_ref())),
    ("inventory.warehouses[0].id", "Object", |it| shown(it.inventory.as_ref()?.warehouses.first().map(|to| &to.id))),
    ("category.id", "String", |it| shown(it.category.as_ref().map(|to| &to.id))),
    ("tax", "Array", |it| it.tax.is_empty().then(|| "[]".to_owned())),
    ("status", "String", |it| text(&it.status)),
    ("customFields[0].id", "String", |it| shown(it.custom_fields.first().map(|to| &to.id))),
    ("customFields[1].id", "String", |it| shown(it.custom_fields.get(1).map(|to| &to.id))),
    ("customFields[2].id", "String", |it| shown(it.custom_fields.get(2).map(|to| &to.id))),
    ("type", "String", |it| text(&it.item_type)),
    ("variantAttributes", "null", |it| shown(it.variant_attributes.as_ref().map(|raw| raw.as_str()))),
    ("itemVariants", "null", |it| shown(it.item_variants.as_ref().map(|raw| raw.as_str()))),
    ("subitems", "null", |it| shown(it.subitems.as_ref().map(|raw| raw.as_str()))),
];

#[rustfmt::skip]
const INVOICE: &[Row<Invoice>] = &[
    ("id", "String", |it| shown(Some(&it.id))),
    ("date", "String", |it| shown(it.date.as_ref())),
    ("dueDate", "String", |it| shown(it.due_date.as_ref())),
    ("observations", "String", |it| text(&it.observations)),
    ("anotation", "String", |it| text(&it.anotation)),
    ("status", "String", |it| text(&it.status)),
    ("client.id", "String", |it| shown(it.client.as_ref().map(|to| &to.id))),
    ("numberTemplate.id", "String", |it| shown(it.number_template.as_ref()?.id.as_ref())),
    ("seller.id", "String", |it| shown(it.seller.as_ref().map(|to| &to.id))),
    ("total", "Number", |it| shown(it.total.as_ref())),
    ("totalPaid", "Number", |it| shown(it.total_paid.as_ref())),
    ("balance", "Number", |it| shown(it.balance.as_ref())),
    ("decimalPrecision", "String", |it| text(&it.decimal_precision)),
    ("estimate.id", "String", |it| shown(it.estimate.as_ref().map(|to| &to.id))),
    ("costCenter.id", "String", |it| shown(it.cost_center.as_ref().map(|to| &to.id))),
    ("items[0].name", "String", |it| text(&it.items.first()?.name)),
    ("items[0].description", "String", |it| text(&it.items.first()?.description)),
    ("items[0].reference", "String", |it| text(&it.items.first()?.reference)),
    ("items[0].price", "Number", |it| shown(it.items.first()?.price.as_ref())),
    ("items[0].quantity", "Number", |it| shown(it.items.first()?.quantity.as_ref())),
    ("items[0].tax[0].id", "Array", |it| shown(it.items.first()?.tax.first().map(|to| &to.id))),
    ("items[0].remission.id", "String", |it| shown(it.items.first()?.remission.as_ref().map(|to| &to.id))),
];

#[rustfmt::skip]
const BILL: &[Row<Bill>] = &[
    ("id", "String", |it| shown(Some(&it.id))),
    ("date", "String", |it| shown(it.date.as_ref())),
    ("dueDate", "String", |it| shown(it.due_date.as_ref())),
    ("state", "String", |it| text(&it.state)),
    ("client.id", "String", |it| shown(it.client.as_ref().map(|to| &to.id))),
    ("client.name", "String", |it| shown(it.client.as_ref()?.name.as_ref())),
    ("client.identification", "String", |it| shown(it.client.as_ref()?.identification.as_ref()?.number())),
    ("client.email", "null", |it| text(&it.client.as_ref()?.email)),
    ("client.phonePrimary", "String", |it| text(&it.client.as_ref()?.phone_primary)),
    ("client.phoneSecondary", "null", |it| text(&it.client.as_ref()?.phone_secondary)),
    ("client.mobile", "String", |it| text(&it.client.as_ref()?.mobile)),
    ("client.fax", "null", |it| text(&it.client.as_ref()?.fax)),
    ("client.address.zipCode", "null", |it| text(&it.client.as_ref()?.address.as_ref()?.zip_code)),
    ("client.address.department", "String", |it| text(&it.client.as_ref()?.address.as_ref()?.department)),
    ("client.address.country", "String", |it| text(&it.client.as_ref()?.address.as_ref()?.country)),
    ("client.address.address", "String", |it| text(&it.client.as_ref()?.address.as_ref()?.address)),
    ("client.address.city", "String", |it| text(&it.client.as_ref()?.address.as_ref()?.city)),
    ("warehouse.id", "String", |it| shown(it.warehouse.as_ref()?.id.as_ref())),
    ("warehouse.name", "String", |it| text(&it.warehouse.as_ref()?.name)),
    ("warehouse.isDefault", "Boolean", |it| shown(it.warehouse.as_ref()?.is_default)),
    ("items", "Array", |it| it.items.is_empty().then(|| "[]".to_owned())),
    ("subtotal", "Number", |it| shown(it.subtotal.as_ref())),
    ("total", "String", |it| shown(it.total.as_ref())),
    ("totalPaid", "Number", |it| shown(it.total_paid.as_ref())),
    ("balance", "Number", |it| shown(it.balance.as_ref())),
    ("decimalPrecision", "Number", |it| text(&it.decimal_precision)),
    ("observations", "null", |it| text(&it.observations)),
    ("termsConditions", "String", |it| text(&it.terms_conditions)),
    ("numberTemplate.number", "String", |it| text(&it.number_template.as_ref()?.number)),
    ("dateTime", "String", |it| shown(it.date_time.as_ref())),
    ("time", "String", |it| shown(it.time.as_ref())),
];

#[rustfmt::skip]
const NOTIFICATION: &[Row<Notification>] = &[
    ("cpnId", "Integer", |it| shown(Some(it.cpn_id))),
    ("resource", "String", |it| Some(it.resource.clone())),
    ("resourceId", "String", |it| shown(Some(&it.resource_id))),
    ("topic", "String", |it| shown(Some(it.topic.as_str()))),
    ("action", "String", |it| shown(Some(it.action.as_str()))),
    ("send", "Integer, Unix seconds", |it| shown(it.send)),
    ("officeId", "String", |it| shown(it.office_id.as_ref())),
    ("priceListId", "String", |it| shown(it.price_list_id.as_ref())),
    ("sellerId", "Integer", |it| shown(it.seller_id.as_ref())),
    ("userToken", "String", |it| shown(it.user_token.as_ref().map(bsale::UserToken::expose))),
];

/// The paths of all that is no object and no filled list, with their values as text; `None` for null.
fn leaves(value: &Value, path: &str) -> BTreeMap<String, Option<String>> {
    let leaf = |text| BTreeMap::from([(path.to_owned(), text)]);
    match value {
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            let fields = fields.iter();
            fields
                .flat_map(|(key, value)| leaves(value, &format!("{path}{dot}{key}")))
                .collect()
        }
        Value::Array(values) if !values.is_empty() => {
            let values = values.iter().enumerate();
            values
                .flat_map(|(index, value)| leaves(value, &format!("{path}[{index}]")))
                .collect()
        }
        Value::Null => leaf(None),
        Value::String(text) => leaf(Some(text.clone())),
        value => leaf(Some(value.to_string())),
    }
}

/// Every value of the object is read by the row of its path, and every row of these finds its value.
#[track_caller]
fn reads<T>(rows: &[Row<T>], typed: &T, object: &Value) -> BTreeSet<&'static str> {
    leaves(object, "")
        .into_iter()
        .map(|(path, value)| {
            let (path, _, read) = rows
                .iter()
                .find(|(of_row, ..)| *of_row == path)
                .unwrap_or_else(|| panic!("no row reads {path}"));
            assert_eq!(read(typed), value, "{path}");
            *path
        })
        .collect()
}

#[track_caller]
fn all<T>(rows: &[Row<T>]) -> BTreeSet<&'static str> {
    assert!(rows.iter().all(|(_, documented, _)| !documented.is_empty()));
    rows.iter().map(|(path, ..)| *path).collect()
}

/// The event of a sample, and its object as it was sent. All but `null` is written back.
#[track_caller]
fn sample(body: &str) -> (Event, Value) {
    let event = serde_json::from_str(body).expect("an event");
    let mut value: Value = serde_json::from_str(body).expect("JSON");
    let mut sent = leaves(&value, "");
    let mut written = leaves(&serde_json::to_value(&event).expect("JSON"), "");
    sent.retain(|_, text| text.is_some());
    // A list that was not sent is written as an empty one.
    written.retain(|path, text| text.as_deref() != Some("[]") || sent.contains_key(path));
    assert_eq!(written, sent);
    let message = value["message"].as_object_mut().expect("a message");
    let (_, object) = message.iter_mut().next().expect("an object");
    (event, object.take())
}

#[test]
fn every_documented_field_of_a_client_is_read_and_written() {
    let mut seen = BTreeSet::new();
    for body in [
        include_str!("../../data/alegra/new-client.json"),
        // The other way to write a name; the sample has the parts.
        r#"{"subject":"new-client","message":{"client":{"id":774,"name":{"fullname":"Ana"}}}}"#,
    ] {
        let (event, object) = sample(body);
        let client = variant!(event, Event::NewClient);
        seen.extend(reads(CLIENT, &client, &object));
    }
    assert_eq!(seen, all(CLIENT));
}

#[test]
fn every_documented_field_of_an_item_is_read_and_written() {
    let (event, object) = sample(include_str!("../../data/alegra/new-item.json"));
    let item = variant!(event, Event::NewItem);
    assert_eq!(reads(ITEM, &item, &object), all(ITEM));
}

#[test]
fn every_documented_field_of_an_invoice_is_read_and_written() {
    let (event, object) = sample(include_str!("../../data/alegra/new-invoice.json"));
    let invoice = variant!(event, Event::NewInvoice);
    assert_eq!(reads(INVOICE, &invoice, &object), all(INVOICE));
}

#[test]
fn every_field_of_a_captured_bill_is_read_and_written() {
    let (event, object) = sample(include_str!("../../data/alegra/new-bill.json"));
    let bill = variant!(event, Event::NewBill);
    assert_eq!(reads(BILL, &bill, &object), all(BILL));
}

#[test]
fn every_documented_field_of_a_notice_is_read() {
    let mut seen = BTreeSet::new();
    for (body, ..) in super::bsale::SAMPLES {
        let event = serde_json::from_str(body).expect("an event");
        let notification = variant!(event, bsale::Event::Notification);
        let object: Value = serde_json::from_str(body).expect("JSON");
        seen.extend(reads(NOTIFICATION, &notification, &object));
    }
    assert_eq!(seen, all(NOTIFICATION));
}

/// What may stand where a list of objects or an object belongs, and is odd.
#[rustfmt::skip]
const ODD: [&str; 48] = [
    "null", "true", "false", "0", "7", "-1", "1.5", "12", "\"\"", "\" \"", "\"7\"", "\"none\"",
    "[]", "{}", "[[]]", "[{}]", "[null]", "[\"\"]", "[7]", "[\"7\"]", "[true]", "[1.5]", "[7,8]", "[[7]]",
    r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":7}"#, r#"{"id":"7"}"#, r#"{"id":true}"#, r#"{"id":[]}"#,
    r#"{"ID":7}"#, r#"{"x":1}"#, r#"{"x":1,"id":7}"#, r#"{"id":7,"x":{"y":[1]}}"#, r#"{"id":7,"id":8}"#,
    r#"[{"id":7}]"#, r#"[{"id":7},{"id":8}]"#, r#"[{"x":1}]"#, r#"[{"id":7},{"x":1}]"#, r#"[{"id":7},8]"#,
    r#"{"0":{"id":7}}"#, r#"{"0":{"id":7},"2":{"id":8}}"#, r#"{"5":{"id":7},"x":1}"#, r#"{"0":{"x":1}}"#,
    r#"{"0":null}"#, r#"{"0":{}}"#, r#"{"":{"id":7}}"#, r#"{"-1":{"id":7}}"#,
];

/// Where each list and each object stands that the types know.
#[rustfmt::skip]
const CONTAINERS: [(&str, &str); 29] = [
    ("client", "name"), ("client", "identification"), ("client", "address"), ("client", "type"),
    ("item", "itemCategory"), ("item", "price"), ("item", "inventory"), ("item", "inventory.warehouses"),
    ("item", "category"), ("item", "tax"), ("item", "customFields"),
    ("invoice", "client"), ("invoice", "numberTemplate"), ("invoice", "seller"), ("invoice", "estimate"),
    ("invoice", "costCenter"), ("invoice", "items"), ("invoice", "items.tax"), ("invoice", "items.remission"),
    ("bill", "client"), ("bill", "client.name"), ("bill", "client.identification"), ("bill", "client.address"),
    ("bill", "client.type"), ("bill", "warehouse"), ("bill", "items"), ("bill", "items.tax"),
    ("bill", "items.remission"), ("bill", "numberTemplate"),
];

/// Every scalar in a value, as text, in the order of the body; of an object only the fields that a
/// type knows.
fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Object(fields) => {
            let known = |key: &str| key == "id" || key.bytes().all(|byte| byte.is_ascii_digit());
            let known = fields.iter().filter(|(key, _)| known(key));
            known.flat_map(|(_, value)| scalars(value)).collect()
        }
        Value::Array(values) => values.iter().flat_map(scalars).collect(),
        scalar => vec![scalar.to_string()],
    }
}

/// Whatever odd thing stands where an object or a list belongs, it is read for what it is and comes
/// back as it was read, or the event has drifted there.
#[test]
fn an_odd_shape_is_read_for_what_it_is_or_drifts_where_it_stands() {
    let (mut typed, mut drifted) = (0, 0);
    for (entity, path) in CONTAINERS {
        for odd in ODD {
            let (outer, inner) = path.split_once('.').unwrap_or((path, ""));
            let field = match inner {
                "" => format!(r#""{outer}":{odd}"#),
                inner if outer == "items" => format!(r#""{outer}":[{{"{inner}":{odd}}}]"#),
                inner => format!(r#""{outer}":{{"id":"5","unit":"u","{inner}":{odd}}}"#),
            };
            let body = format!(
                r#"{{"subject":"new-{entity}","message":{{"{entity}":{{"id":"1",{field}}}}}}}"#
            );
            let event: Event = serde_json::from_str(&body).expect("an event");
            let place = format!("message.{entity}.{}", path.replace("items.", "items[0]."));
            if let Event::Drifted(misfit) = &event {
                assert!(misfit.path.starts_with(&place), "{body}: {}", misfit.path);
                assert_eq!(misfit.id.as_ref().unwrap(), &"1", "{body}");
                drifted += 1;
                continue;
            }
            let written = serde_json::to_value(&event).expect("JSON");
            let read: Event = serde_json::from_str(&written.to_string()).expect("an event");
            assert_eq!(read, event, "{body}");
            let object = &written["message"][entity];
            let shown = match (outer, inner) {
                (outer, "") => &object[outer],
                ("items", inner) => &object["items"][0][inner],
                (outer, inner) => &object[outer][inner],
            };
            let kept = scalars(shown);
            let sent = scalars(&serde_json::from_str(odd).expect("JSON"));
            assert_eq!(kept, sent, "{body}");
            let is_nothing = kept.is_empty() && shown.as_array().is_none_or(Vec::is_empty);
            let has_keys =
                odd.contains(':') && !odd.contains("null") && !odd.contains(r#""id":"""#);
            let is_lost = is_nothing && has_keys && odd != r#"{"0":{}}"#;
            assert!(!is_lost, "{body} became nothing");
            typed += 1;
        }
    }
    assert!(typed > 300, "{typed} typed");
    assert!(drifted > 300, "{drifted} drifted");
}
