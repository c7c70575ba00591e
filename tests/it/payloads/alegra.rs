//! Alegra's events: the documented samples, and each way of writing a field that was ever seen.

use serde_json::{Value, json};
use tower_webhook::{
    Event as _,
    alegra::{Bill, Client, Event, Identification, Invoice, Item, Name},
};

const NEW_CLIENT: &str = include_str!("../../data/alegra/new-client.json");
const NEW_ITEM: &str = include_str!("../../data/alegra/new-item.json");
const NEW_INVOICE: &str = include_str!("../../data/alegra/new-invoice.json");
const NEW_BILL: &str = include_str!("../../data/alegra/new-bill.json");

#[track_caller]
fn decode(body: &str) -> Event {
    serde_json::from_str(body).expect("an event")
}

#[track_caller]
fn client(fields: Value) -> Client {
    match decode(&envelope("new-client", "client", fields)) {
        Event::NewClient(client) => client,
        event => panic!("{event:?}"),
    }
}

#[track_caller]
fn item(fields: Value) -> Item {
    match decode(&envelope("new-item", "item", fields)) {
        Event::NewItem(item) => item,
        event => panic!("{event:?}"),
    }
}

#[track_caller]
fn invoice(fields: Value) -> Invoice {
    match decode(&envelope("new-invoice", "invoice", fields)) {
        Event::NewInvoice(invoice) => invoice,
        event => panic!("{event:?}"),
    }
}

/// An object with an id and these fields.
fn envelope(subject: &str, entity: &str, mut fields: Value) -> String {
    let object = fields.as_object_mut().expect("an object");
    object.entry("id").or_insert_with(|| json!("1"));
    json!({"subject": subject, "message": {entity: fields}}).to_string()
}

/// Amounts by value, `null` and absent alike.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, normal(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(normal).collect(),
        Value::Number(number) => Value::String(number.to_string()),
        value => value,
    }
}

#[track_caller]
fn serializes_back(body: &str) {
    let written = serde_json::to_value(decode(body)).unwrap();
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(normal(written), normal(sent));
}

#[test]
fn the_documented_samples_are_written_back_as_they_were_sent() {
    serializes_back(NEW_CLIENT);
    serializes_back(NEW_ITEM);
    serializes_back(NEW_INVOICE);
}

#[test]
fn new_client_as_documented() {
    let Event::NewClient(client) = decode(NEW_CLIENT) else {
        panic!("a new client");
    };
    assert_eq!(client.id, "774");
    let Some(Name::Parts(name)) = &client.name else {
        panic!("a name in parts");
    };
    assert_eq!(name.first_name.as_deref(), Some("Primer Nombre"));
    assert_eq!(name.second_name.as_deref(), Some("Segundo Nombre"));
    assert_eq!(name.last_name.as_deref(), Some("Primer Apellido"));
    assert_eq!(name.second_last_name.as_deref(), Some("Segundo Apellido"));
    assert_eq!(name.fullname, None);
    assert_eq!(
        client.name.as_ref().unwrap().to_string(),
        "Primer Nombre Segundo Nombre Primer Apellido Segundo Apellido"
    );
    assert_eq!(client.phone_primary.as_deref(), Some("+432432234"));
    assert_eq!(client.phone_secondary.as_deref(), Some("+534234523"));
    assert_eq!(client.mobile.as_deref(), Some("+443242323123"));
    assert!(
        client
            .email
            .as_deref()
            .is_some_and(|email| !email.is_empty())
    );
    assert_eq!(client.types, ["client", "provider"]);
    assert!(client.is_client() && client.is_provider());
    assert_eq!(client.fax.as_deref(), Some("unFax"));
    assert_eq!(client.identification.unwrap().number(), Some("3211233"));
    let address = client.address.unwrap();
    assert_eq!(address.zip_code.as_deref(), Some("050013"));
    assert_eq!(address.department.as_deref(), Some("Antioquia"));
    assert_eq!(address.country.as_deref(), Some("Colombia"));
    assert_eq!(address.address.as_deref(), Some("Una Dirección"));
    assert_eq!(address.city.as_deref(), Some("Abriaquí"));
}

#[test]
fn new_item_as_documented() {
    let Event::NewItem(item) = decode(NEW_ITEM) else {
        panic!("a new item");
    };
    assert_eq!(item.id, "865");
    assert_eq!(item.name.as_deref(), Some("Un Ítem / S"));
    assert_eq!(item.description.as_deref(), Some("Descripción del Item"));
    assert_eq!(item.reference.as_deref(), Some("423424134213"));
    assert_eq!(item.item_category.unwrap().id, "19");
    let prices: Vec<_> = item
        .price
        .iter()
        .map(|price| {
            (
                price.id.as_ref().unwrap().as_str(),
                price.price.as_ref().unwrap().as_str(),
            )
        })
        .collect();
    assert_eq!(prices, [("123", "1"), ("124", "2")]);
    let inventory = item.inventory.unwrap();
    assert_eq!(inventory.unit.as_deref(), Some("unit"));
    assert_eq!(inventory.available_quantity.unwrap(), "1");
    assert_eq!(inventory.unit_cost.unwrap(), "1");
    assert_eq!(inventory.initial_quantity.unwrap(), "1");
    assert_eq!(inventory.warehouses[0].id, "10");
    assert_eq!(item.category.unwrap().id, "234");
    assert!(item.tax.is_empty());
    assert_eq!(item.status.as_deref(), Some("active"));
    let fields: Vec<_> = item
        .custom_fields
        .iter()
        .map(|field| field.id.as_str())
        .collect();
    assert_eq!(fields, ["6", "5", "1"]);
    assert_eq!(item.item_type.as_deref(), Some("variant"));
    assert_eq!(item.variant_attributes, None);
    assert_eq!(item.item_variants, None);
    assert_eq!(item.subitems, None);
}

#[test]
fn new_invoice_as_documented() {
    let Event::NewInvoice(invoice) = decode(NEW_INVOICE) else {
        panic!("a new invoice");
    };
    assert_eq!(invoice.id, "123");
    let date = invoice.date.unwrap();
    assert_eq!(date, "2024-06-18");
    assert_eq!(
        (date.year(), date.month(), date.day()),
        (Some(2024), Some(6), Some(18))
    );
    assert_eq!(invoice.due_date.unwrap(), "2024-06-18");
    let notes = Some("Notas de facturas de capacitación");
    assert_eq!(invoice.observations.as_deref(), notes);
    assert_eq!(invoice.anotation.as_deref(), notes);
    assert_eq!(invoice.status.as_deref(), Some("open"));
    assert_eq!(invoice.client.unwrap().id, "123");
    assert_eq!(invoice.number_template.unwrap().id.unwrap(), "123");
    assert_eq!(invoice.seller.unwrap().id, "123");
    assert_eq!(invoice.total.unwrap(), "1190");
    assert_eq!(invoice.total_paid.unwrap(), "0");
    assert_eq!(invoice.balance.unwrap(), "1190");
    assert_eq!(invoice.decimal_precision.as_deref(), Some("0"));
    assert_eq!(invoice.estimate.unwrap().id, "123");
    assert_eq!(invoice.cost_center.unwrap().id, "123");
    let line = &invoice.items[0];
    assert_eq!(line.id, None);
    assert_eq!(line.name.as_deref(), Some("cédula digital / Option 2"));
    assert_eq!(line.description.as_deref(), Some("Descripción del Item"));
    assert_eq!(line.reference.as_deref(), Some("123321"));
    assert_eq!(line.price.as_ref().unwrap(), &"1000");
    assert_eq!(line.quantity.as_ref().unwrap(), &"1");
    assert_eq!(line.tax[0].id, "123");
    assert_eq!(line.remission.as_ref().unwrap().id, "123");
}

#[test]
fn new_bill_as_captured() {
    let Event::NewBill(bill) = decode(NEW_BILL) else {
        panic!("a new bill");
    };
    let written = serde_json::to_string(&Event::NewBill(bill.clone())).unwrap();
    assert_eq!(decode(&written), Event::NewBill(bill.clone()));

    let Bill {
        client, warehouse, ..
    } = &bill;
    let client = client.as_ref().unwrap();
    assert_eq!(
        client.name,
        Some(Name::Text("Distribuciones Ñandú S.A.S.".into()))
    );
    assert_eq!(client.address.as_ref().unwrap().zip_code, None);
    let warehouse = warehouse.as_ref().unwrap();
    assert_eq!(
        warehouse.id.as_ref().unwrap(),
        &"019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b"
    );
    assert_eq!(warehouse.is_default, Some(true));
    assert!(bill.items.is_empty());
    assert_eq!(bill.subtotal.unwrap(), "100000.5");
    assert_eq!(
        bill.total.unwrap(),
        "119000.60",
        "a string's digits are kept as they are"
    );
    assert_eq!(bill.decimal_precision.as_deref(), Some("0"));
    assert_eq!(bill.state.as_deref(), Some("open"));
    assert_eq!(
        (bill.observations, bill.terms_conditions.as_deref()),
        (None, Some(""))
    );
    assert_eq!(
        bill.number_template.unwrap().number.as_deref(),
        Some("FC-1042")
    );
    assert_eq!(bill.date_time.unwrap(), "2026-05-04 00:00:00");
    assert_eq!(bill.time.unwrap().day(), Some(4));
}

/// Subject, entity, and whether the event happens once to an object.
const SUBJECTS: [(&str, &str, bool); 12] = [
    ("new-client", "client", true),
    ("edit-client", "client", false),
    ("delete-client", "client", true),
    ("new-item", "item", true),
    ("edit-item", "item", false),
    ("delete-item", "item", true),
    ("new-invoice", "invoice", true),
    ("edit-invoice", "invoice", false),
    ("delete-invoice", "invoice", true),
    ("new-bill", "bill", true),
    ("edit-bill", "bill", false),
    ("delete-bill", "bill", true),
];

/// Nothing but the id is required, in either order of the two fields.
#[test]
fn the_twelve_events_with_nothing_but_an_id() {
    for (subject, entity, once) in SUBJECTS {
        for body in [
            format!(r#"{{"subject":"{subject}","message":{{"{entity}":{{"id":"7"}}}}}}"#),
            format!(r#"{{"message":{{"{entity}":{{"id":7}}}},"subject":"{subject}"}}"#),
            format!(
                r#"{{"x":{{}},"message":{{"y":[],"{entity}":{{"id":7,"z":{{}}}}}},"subject":"{subject}"}}"#
            ),
        ] {
            let event = decode(&body);
            assert!(
                !matches!(event, Event::Unknown(_) | Event::Drifted(_)),
                "{event:?}"
            );
            assert_eq!(event.name(), subject);
            assert_eq!(event.subject(), subject);
            assert_eq!(event.id(), Some("7"));
            let key = once.then(|| format!("{subject}:7"));
            assert_eq!(event.idempotency_key(), key, "an edit has no key");
            assert_eq!(decode(&serde_json::to_string(&event).unwrap()), event);
        }
    }
}

#[test]
fn ids_are_strings_integers_and_uuids() {
    let uuid = "019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b";
    for (sent, kept) in [
        (json!("774"), "774"),
        (json!(774), "774"),
        (
            json!(18_446_744_073_709_551_615_u64),
            "18446744073709551615",
        ),
        (json!(uuid), uuid),
        (json!("0007"), "0007"),
        (json!("ñ\"\\"), "ñ\"\\"),
    ] {
        assert_eq!(client(json!({"id": sent})).id, kept);
    }
    let huge = r#"{"subject":"new-item","message":{"item":{"id":123456789012345678901234567890}}}"#;
    assert_eq!(decode(huge).id(), Some("123456789012345678901234567890"));
}

#[test]
fn amounts_keep_every_digit() {
    for amount in [
        "0",
        "-0.5",
        "123456789012345.67",
        "19600.33613445378151260504",
        "1e999",
        "1E-3",
        "99999999999999999999999999999999999999.000000000000000000000000000001",
    ] {
        for sent in [amount.to_owned(), format!("\"{amount}\"")] {
            let body = format!(
                r#"{{"subject":"new-invoice","message":{{"invoice":{{"id":1,"total":{sent}}}}}}}"#
            );
            let event = decode(&body);
            let Event::NewInvoice(invoice) = &event else {
                panic!("{event:?}");
            };
            assert_eq!(invoice.total.as_ref().unwrap(), &amount);
            assert_eq!(decode(&serde_json::to_string(&event).unwrap()), event);
        }
    }
    assert_eq!(invoice(json!({"total": ""})).total, None);
    assert_eq!(invoice(json!({"total": null})).total, None);
    assert_eq!(
        invoice(json!({"total": "0010.50"})).total.unwrap(),
        "0010.50"
    );
    for no_amount in [
        json!("1,190"),
        json!("1 190"),
        json!("$5"),
        json!("."),
        json!("NaN"),
        json!([]),
    ] {
        let body = envelope("new-invoice", "invoice", json!({"total": no_amount}));
        assert!(matches!(decode(&body), Event::Drifted(_)), "{body}");
    }
}

#[test]
fn names_are_objects_or_text() {
    let none = client(json!({"name": [], "identification": []}));
    assert_eq!(
        (none.name, none.identification),
        (None, None),
        "PHP's empty object"
    );
    let name = |name: Value| {
        client(json!({"name": name}))
            .name
            .map(|name| name.to_string())
    };
    assert_eq!(
        name(json!({"fullname": "Ana María"})).as_deref(),
        Some("Ana María")
    );
    assert_eq!(name(json!("Ana")).as_deref(), Some("Ana"));
    assert_eq!(
        name(json!({"firstName": "Ana", "secondName": "", "lastName": null})).as_deref(),
        Some("Ana")
    );
    assert_eq!(name(json!(null)), None);
}

#[test]
fn identifications_are_text_or_objects() {
    let read = |value: Value| client(json!({"identification": value})).identification;
    assert_eq!(
        read(json!("900123456")),
        Some(Identification::Text("900123456".into()))
    );
    assert_eq!(
        read(json!(900_123_456)).unwrap().number(),
        Some("900123456")
    );
    let document = read(json!({"type": "NIT", "number": "900123456", "dv": 7})).unwrap();
    assert_eq!(document.number(), Some("900123456"));
    let written = serde_json::to_value(&document).unwrap();
    assert_eq!(
        written,
        json!({"type": "NIT", "number": "900123456", "dv": "7"})
    );
    assert_eq!(read(json!(null)), None);
}

#[test]
fn names_and_identifications_are_nothing_else() {
    for field in ["name", "identification"] {
        for misfit in [json!(true), json!(false), json!([1]), json!([{}])] {
            let body = envelope("new-client", "client", json!({field: misfit}));
            let Event::Drifted(drifted) = decode(&body) else {
                panic!("{body}");
            };
            assert_eq!(drifted.path, format!("message.client.{field}"), "{body}");
        }
    }
    // What may be left out of a client is something where it stands alone.
    for nothing in ["null", "[]"] {
        assert!(serde_json::from_str::<Name>(nothing).is_err());
        assert!(serde_json::from_str::<Identification>(nothing).is_err());
    }
}

#[test]
fn misfits_say_what_was_expected() {
    for (misfit, sentence) in [
        (
            r#"{"id":true}"#,
            "expected an id: a non-empty string or an integer at line",
        ),
        (
            r#"{"id":1,"name":{"fullname":{}}}"#,
            "expected text, or an object of texts at line",
        ),
        (
            r#"{"id":1,"type":[1]}"#,
            "expected a short list of strings, or a single one at line",
        ),
    ] {
        let error = serde_json::from_str::<Client>(misfit).unwrap_err();
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
}

#[test]
fn types_are_a_list_or_one() {
    let read = |value: Value| client(json!({"type": value})).types;
    assert_eq!(read(json!(["provider"])), ["provider"]);
    assert_eq!(read(json!("provider")), ["provider"]);
    assert!(read(json!([])).is_empty());
    assert!(read(json!(null)).is_empty());
    assert!(read(json!("")).is_empty());
}

#[test]
fn nested_references_may_be_missing_in_every_way() {
    for none in [json!(null), json!([]), json!("")] {
        let invoice = invoice(json!({"numberTemplate": none}));
        assert_eq!(invoice.number_template, None);
        let item = item(json!({"inventory": none}));
        assert_eq!(item.inventory, None);
        assert_eq!(client(json!({"address": none})).address, None);
    }
    // What has nothing that must be there, is there.
    assert!(client(json!({"address": {}})).address.is_some());
    assert!(item(json!({"inventory": {}})).inventory.is_some());
    for none in [json!(null), json!([]), json!({})] {
        let invoice = invoice(json!({
            "client": none, "seller": none, "estimate": none,
            "costCenter": none, "items": [{"remission": none}],
        }));
        assert_eq!(invoice.client, None);
        assert_eq!(invoice.seller, None);
        assert_eq!(invoice.estimate, None);
        assert_eq!(invoice.cost_center, None);
        assert_eq!(invoice.items[0].remission, None);
        let item = item(json!({"category": none, "itemCategory": none}));
        assert_eq!((item.category, item.item_category), (None, None));
    }
    let template = invoice(json!({"numberTemplate": [{"id": 5}]})).number_template;
    assert_eq!(template.unwrap().id.unwrap(), "5");
}

/// PHP's ways to say that there is none.
#[test]
fn references_without_an_id_are_absent() {
    for none in [json!(""), json!({"id": null}), json!({"id": ""})] {
        let invoice = invoice(json!({
            "client": none, "seller": none, "estimate": none, "costCenter": none,
            "items": [{"name": "x", "remission": none}],
        }));
        assert_eq!((invoice.client, invoice.seller), (None, None));
        assert_eq!((invoice.estimate, invoice.cost_center), (None, None));
        assert_eq!(invoice.items[0].remission, None);
        let item = item(json!({"category": none, "itemCategory": none}));
        assert_eq!((item.category, item.item_category), (None, None));
    }
    for none in [json!(""), json!({"id": null}), json!({"id": ""})] {
        let template = invoice(json!({"numberTemplate": none})).number_template;
        assert!(template.is_none_or(|template| template.id.is_none()));
    }
}

#[test]
fn a_bare_id_is_a_reference() {
    for (sent, id) in [(json!("7"), "7"), (json!(7), "7"), (json!(["7"]), "7")] {
        let invoice = invoice(json!({"seller": sent, "items": [{"tax": sent}]}));
        assert_eq!(invoice.seller.unwrap().id, id);
        assert_eq!(invoice.items[0].tax[0].id, id);
        assert_eq!(item(json!({"category": sent})).category.unwrap().id, id);
    }
    let taxes = item(json!({"tax": ["3", 4, {"id": 5}]})).tax;
    let ids: Vec<_> = taxes.iter().map(|tax| tax.id.as_str()).collect();
    assert_eq!(ids, ["3", "4", "5"]);
}

/// PHP writes a list with holes as an object.
#[test]
fn an_object_with_whole_numbers_for_keys_is_a_list() {
    let body = r#"{"subject":"new-invoice","message":{"invoice":{"id":"501","total":119,
        "items":{"0":{"id":"7","price":100,"quantity":1},"10":{"id":"9"},"2":{"id":"8","price":5,"quantity":2}}}}}"#;
    let Event::NewInvoice(invoice) = decode(body) else {
        panic!("a new invoice");
    };
    let ids: Vec<_> = invoice
        .items
        .iter()
        .map(|item| item.id.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(ids, ["7", "9", "8"], "in the order of the body");
    assert_eq!(invoice.items[2].price.as_ref().unwrap(), &"5");
    let item = item(json!({
        "price": {"1": {"id": 1, "price": 2}},
        "tax": {"0": {"id": "3"}, "4": "5"},
        "inventory": {"warehouses": {"3": {"id": "6"}}},
    }));
    assert_eq!(item.price[0].price.as_ref().unwrap(), &"2");
    assert_eq!(
        (item.tax[0].id.as_str(), item.tax[1].id.as_str()),
        ("3", "5")
    );
    assert_eq!(item.inventory.unwrap().warehouses[0].id, "6");
    let types = client(json!({"type": {"0": "client", "2": "provider"}})).types;
    assert_eq!(types, ["client", "provider"]);
}

#[test]
fn an_object_that_is_none_of_its_kind_drifts_where_it_stands() {
    let unknown = || json!({"x": 1});
    for (subject, object, path) in [
        ("new-invoice", json!({"items": unknown()}), "invoice.items"),
        (
            "new-invoice",
            json!({"items": [{}, unknown()]}),
            "invoice.items[1]",
        ),
        (
            "new-invoice",
            json!({"items": {"0": {}, "1": unknown()}}),
            "invoice.items.1",
        ),
        (
            "new-invoice",
            json!({"items": {"0": {}, "total": 1}}),
            "invoice.items",
        ),
        (
            "new-invoice",
            json!({"numberTemplate": unknown()}),
            "invoice.numberTemplate",
        ),
        (
            "new-invoice",
            json!({"numberTemplate": [unknown()]}),
            "invoice.numberTemplate[0]",
        ),
        (
            "new-invoice",
            json!({"seller": unknown()}),
            "invoice.seller.id",
        ),
        (
            "new-invoice",
            json!({"items": [{"tax": unknown()}]}),
            "invoice.items[0].tax.id",
        ),
        (
            "new-item",
            json!({"inventory": unknown()}),
            "item.inventory",
        ),
        (
            "new-item",
            json!({"inventory": {"warehouses": unknown()}}),
            "item.inventory.warehouses.id",
        ),
        ("new-item", json!({"price": unknown()}), "item.price"),
        ("new-item", json!({"price": [unknown()]}), "item.price[0]"),
        (
            "new-bill",
            json!({"warehouse": unknown()}),
            "bill.warehouse",
        ),
        ("new-bill", json!({"client": unknown()}), "bill.client.id"),
        ("new-client", json!({"name": unknown()}), "client.name"),
        (
            "new-client",
            json!({"identification": unknown()}),
            "client.identification",
        ),
        (
            "new-client",
            json!({"address": unknown()}),
            "client.address",
        ),
        ("new-client", json!({"type": unknown()}), "client.type"),
    ] {
        let (_, entity) = subject.split_once('-').unwrap();
        let body = envelope(subject, entity, object);
        let Event::Drifted(drifted) = decode(&body) else {
            panic!("{body}");
        };
        assert_eq!(drifted.path, format!("message.{path}"), "{body}");
        assert_eq!(drifted.id.unwrap(), "1");
    }
}

#[test]
fn price_lists_are_named_in_two_ways() {
    let price = json!([
        {"idPriceList": 1, "name": "General", "price": 12.5, "main": true},
        {"id": "2", "price": "3"},
    ]);
    let item = item(json!({"price": price}));
    assert_eq!(item.price[0].id.as_ref().unwrap(), &"1");
    assert_eq!(item.price[0].name.as_deref(), Some("General"));
    assert_eq!(item.price[0].price.as_ref().unwrap(), &"12.5");
    assert_eq!(item.price[1].id.as_ref().unwrap(), &"2");
    assert_eq!(item.price[1].name, None);
    let both = envelope(
        "new-item",
        "item",
        json!({"price": {"id": 1, "idPriceList": 2}}),
    );
    let Event::Drifted(drifted) = decode(&both) else {
        panic!("two ids");
    };
    assert_eq!(drifted.path, "message.item.price.id");
}

#[test]
fn flags_are_written_in_many_ways() {
    let read = |flag: Value| match decode(&envelope(
        "new-bill",
        "bill",
        json!({"warehouse": {"isDefault": flag}}),
    )) {
        Event::NewBill(bill) => Ok(bill.warehouse.unwrap().is_default),
        Event::Drifted(drifted) => Err(drifted.path),
        event => panic!("{event:?}"),
    };
    for yes in [
        json!(true),
        json!(1),
        json!("1"),
        json!("true"),
        json!("yes"),
        json!("Si"),
        json!("S"),
    ] {
        assert_eq!(read(yes.clone()), Ok(Some(true)), "{yes}");
    }
    for no in [
        json!(false),
        json!(0),
        json!("0"),
        json!("FALSE"),
        json!("no"),
        json!("N"),
    ] {
        assert_eq!(read(no.clone()), Ok(Some(false)), "{no}");
    }
    for none in [json!(null), json!("")] {
        assert_eq!(read(none), Ok(None));
    }
    for misfit in [json!(2), json!("maybe"), json!("10"), json!([]), json!(" ")] {
        let path = "message.bill.warehouse.isDefault".to_owned();
        assert_eq!(read(misfit.clone()), Err(path), "{misfit}");
    }
}

#[test]
fn lists_may_be_missing_in_every_way() {
    for none in [json!(null), json!([]), json!({}), json!("")] {
        let item = item(json!({"price": none, "tax": none, "customFields": none}));
        assert!(item.price.is_empty() && item.tax.is_empty() && item.custom_fields.is_empty());
        assert!(invoice(json!({"items": none})).items.is_empty());
    }
    // As in the page's table, where the sample has a list.
    let fields = item(json!({"customFields": {"id": "6, 5, 1"}})).custom_fields;
    assert_eq!(fields[0].id, "6, 5, 1");
}

#[test]
fn what_nobody_documents_is_kept_as_it_is() {
    let attributes = json!([{"id": "1", "options": [{"value": 1.50}]}]);
    let item = item(json!({"variantAttributes": attributes, "itemVariants": [], "subitems": null}));
    let kept = item.variant_attributes.as_ref().unwrap();
    assert_eq!(kept.json::<Value>().unwrap(), attributes);
    assert_eq!(item.item_variants.as_ref().unwrap().as_str(), "[]");
    assert_eq!(item.subitems, None);
    let written = serde_json::to_value(&item).unwrap();
    assert_eq!(written["variantAttributes"], attributes);
}

#[test]
fn an_invoice_of_ten_thousand_lines_decodes() {
    let line = json!({
        "id": 1, "name": "Ítem", "price": 1000.5, "quantity": "2", "tax": [{"id": "3"}],
        "remission": {"id": "4"},
    });
    let items = vec![line; 10_000];
    assert_eq!(invoice(json!({"items": items})).items.len(), 10_000);
}

#[test]
fn escapes_and_accents_are_text() {
    let body = r#"{"subject":"new\u002dclient","message":{"client":{"i\u0064":"\u0031","name":"R\u0026D \ud83e\udd80 Ñandú"}}}"#;
    let Event::NewClient(client) = decode(body) else {
        panic!("a new client");
    };
    assert_eq!(client.id, "1");
    assert_eq!(client.name.unwrap().to_string(), "R&D 🦀 Ñandú");
}

#[test]
fn dates_are_read_only_where_they_exist() {
    let date = |text: &str| {
        let date = invoice(json!({"date": text})).date.unwrap();
        (date.year(), date.month(), date.day())
    };
    assert_eq!(date("2024-02-29"), (Some(2024), Some(2), Some(29)));
    assert_eq!(date("2026-05-04 16:02:28"), (Some(2026), Some(5), Some(4)));
    for none in [
        "2023-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-01-32",
        "24-01-01",
        "2024-01-01x",
        "ñandú-2024",
        "+024-01-01",
    ] {
        assert_eq!(date(none), (None, None, None), "{none}");
    }
}

/// Objects of which nothing is known but that they are there come back as they were.
#[test]
fn whatever_was_read_is_written_and_read_to_the_same() {
    for (subject, entity, object) in [
        (
            "new-client",
            "client",
            json!({"name": {}, "address": {"zipCode": null}}),
        ),
        (
            "new-client",
            "client",
            json!({"identification": {}, "type": ""}),
        ),
        (
            "new-item",
            "item",
            json!({"inventory": {}, "price": [{}], "subitems": []}),
        ),
        (
            "new-bill",
            "bill",
            json!({"warehouse": {}, "numberTemplate": {"id": "", "number": null}}),
        ),
        (
            "new-invoice",
            "invoice",
            json!({"items": [{}], "seller": {}, "date": ""}),
        ),
    ] {
        let event = decode(&envelope(subject, entity, object));
        assert!(!matches!(event, Event::Drifted(_)), "{event:?}");
        assert_eq!(decode(&serde_json::to_string(&event).unwrap()), event);
    }
}

/// In a key of the envelope it is passed over; further in, the event is delivered all the same.
#[test]
fn half_a_surrogate_pair_costs_no_delivery() {
    let body = r#"{"\ud800":1,"subject":"delete-item","message":{"item":{"id":"865"}}}"#;
    assert!(matches!(decode(body), Event::DeleteItem(_)));
    for (body, path) in [
        (
            r#"{"subject":"delete-item","message":{"\udc00":2,"item":{"id":"865"}}}"#,
            "message.?",
        ),
        (
            r#"{"subject":"delete-item","message":{"item":{"id":"865","\ud800":1}}}"#,
            "message.item.?",
        ),
    ] {
        let Event::Drifted(drifted) = decode(body) else {
            panic!("{body}");
        };
        assert_eq!(drifted.path, path);
        assert_eq!(drifted.id.unwrap(), "865");
    }
    let body = r#"{"subject":"delete-item","message":{"item":{"id":"865","name":"\ud800"}}}"#;
    let Event::Drifted(drifted) = decode(body) else {
        panic!("half a character is no text");
    };
    assert_eq!(drifted.path, "message.item.name");
}

#[test]
fn ids_are_keys_of_maps() {
    let mut names = std::collections::HashMap::new();
    names.insert(client(json!({"id": 774})).id, "Ana");
    assert_eq!(names.get("774"), Some(&"Ana"));
    let ordered = std::collections::BTreeMap::from_iter(names);
    assert_eq!(ordered.get("774"), Some(&"Ana"));
}
