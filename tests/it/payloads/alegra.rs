//! Alegra's events: each way of writing a field that was ever seen. `fields.rs` reads every field of
//! the samples, and writes it.

use serde_json::{Value, json};
use tower_webhook::{
    Event as _,
    alegra::{Bill, Client, Drifted, Event, Identification, Invoice, Item, Name, Reference},
};

use crate::util::variant;

#[track_caller]
fn decode(body: &str) -> Event {
    serde_json::from_str(body).expect("an event")
}

#[track_caller]
fn drifted(body: &str) -> Drifted {
    variant!(decode(body), Event::Drifted)
}

#[track_caller]
fn client(fields: Value) -> Client {
    variant!(decode(&new_event("client", fields)), Event::NewClient)
}

#[track_caller]
fn item(fields: Value) -> Item {
    variant!(decode(&new_event("item", fields)), Event::NewItem)
}

#[track_caller]
fn invoice(fields: Value) -> Invoice {
    variant!(decode(&new_event("invoice", fields)), Event::NewInvoice)
}

#[track_caller]
fn bill(fields: Value) -> Bill {
    variant!(decode(&new_event("bill", fields)), Event::NewBill)
}

/// The event of a new object with an id and these fields.
fn new_event(entity: &str, mut fields: Value) -> String {
    let object = fields.as_object_mut().expect("an object");
    object.entry("id").or_insert_with(|| json!("1"));
    json!({"subject": format!("new-{entity}"), "message": {entity: fields}}).to_string()
}

#[track_caller]
fn comes_back(event: &Event) {
    let written = serde_json::to_string(event).unwrap();
    assert_eq!(decode(&written), *event);
}

fn ids(references: &[Reference]) -> Vec<&str> {
    references.iter().map(|to| to.id.as_str()).collect()
}

/// Nothing but the id is required, in either order of the two fields.
#[test]
fn the_twelve_events_with_nothing_but_an_id() {
    for (verb, has_key) in [("new", true), ("edit", false), ("delete", true)] {
        for entity in ["client", "item", "invoice", "bill"] {
            let subject = &format!("{verb}-{entity}");
            let message = format!(r#""message":{{"{entity}":{{"id":7}}}}"#);
            for body in [
                format!(r#"{{"subject":"{subject}",{message}}}"#),
                format!(r#"{{{message},"subject":"{subject}"}}"#),
                format!(
                    r#"{{"x":{{}},"message":{{"y":[],"{entity}":{{"id":"7","z":{{}}}}}},"subject":"{subject}"}}"#
                ),
            ] {
                let event = decode(&body);
                let is_untyped = matches!(event, Event::Unknown(_) | Event::Drifted(_));
                assert!(!is_untyped, "{event:?}");
                assert_eq!(event.name(), subject);
                assert_eq!(event.subject(), subject);
                assert_eq!(event.id().as_deref(), Some("7"));
                let key = has_key.then(|| format!("{subject}:7"));
                assert_eq!(event.idempotency_key(), key.map(Into::into), "{subject}");
                comes_back(&event);
            }
        }
    }
}

#[test]
fn ids_are_strings_integers_and_uuids() {
    let uuid = "019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b";
    let huge = "123456789012345678901234567890";
    for (sent, kept) in [
        (r#""774""#, "774"),
        ("774", "774"),
        ("18446744073709551615", "18446744073709551615"),
        (huge, huge),
        (r#""0007""#, "0007"),
        (&format!("\"{uuid}\""), uuid),
        (r#""ñ\"\\""#, "ñ\"\\"),
    ] {
        let body = format!(r#"{{"subject":"new-item","message":{{"item":{{"id":{sent}}}}}}}"#);
        assert_eq!(decode(&body).id().as_deref(), Some(kept));
    }
}

#[test]
fn amounts_keep_every_digit() {
    let digits = "9".repeat(5000);
    for amount in [
        "0",
        "-0",
        "-0.5",
        "123456789012345.67",
        "19600.33613445378151260504",
        "1e999",
        "-1e-999",
        "1E-3",
        "1E5",
        "99999999999999999999999999999999999999.000000000000000000000000000001",
        &digits,
    ] {
        for sent in [amount.to_owned(), format!("\"{amount}\"")] {
            let body = format!(
                r#"{{"subject":"new-invoice","message":{{"invoice":{{"id":1,"x":{sent},"total":{sent}}}}}}}"#
            );
            let event = decode(&body);
            let invoice = variant!(&event, Event::NewInvoice);
            assert_eq!(invoice.total.as_ref().unwrap(), &amount);
            comes_back(&event);
        }
    }
    for (sent, kept) in [("", None), ("0010.50", Some("0010.50"))] {
        let total = invoice(json!({"total": sent})).total;
        assert_eq!(total.as_ref().map(|total| total.as_str()), kept);
    }
    assert_eq!(invoice(json!({"total": null})).total, None);
    for no_amount in [
        json!("1,190"),
        json!("1 190"),
        json!("$5"),
        json!("."),
        json!("NaN"),
        json!([]),
    ] {
        let body = new_event("invoice", json!({"total": no_amount}));
        assert_eq!(drifted(&body).path, "message.invoice.total", "{body}");
    }
}

/// The one line of the manual.
#[test]
fn an_amount_becomes_a_decimal() {
    let total = invoice(json!({"total": "19600.33613445378151260504"})).total;
    let total: rust_decimal::Decimal = total.unwrap().as_str().parse().unwrap();
    assert_eq!(total.to_string(), "19600.33613445378151260504");
}

#[test]
fn names_are_objects_or_text() {
    let name = |name: Value| {
        let name = client(json!({"name": name})).name;
        name.map(|name| name.to_string())
    };
    let parts = json!({
        "firstName": "Ana", "secondName": "María", "lastName": "Ruiz", "secondLastName": "Gil",
    });
    for (sent, shown) in [
        (parts, "Ana María Ruiz Gil"),
        (json!({"fullname": "Ana María"}), "Ana María"),
        (json!({"firstName": "Ana", "secondName": ""}), "Ana"),
        (json!({"firstName": "Ana", "lastName": null}), "Ana"),
        (json!("Ana"), "Ana"),
    ] {
        assert_eq!(name(sent).as_deref(), Some(shown));
    }
    for none in [json!(null), json!([])] {
        assert_eq!(name(none), None);
    }
}

#[test]
fn identifications_are_text_or_objects() {
    let read = |value: Value| client(json!({"identification": value})).identification;
    let text = Identification::Text("900123456".into());
    assert_eq!(read(json!("900123456")), Some(text.clone()));
    assert_eq!(read(json!(900_123_456)), Some(text));
    let document = read(json!({"type": "NIT", "number": "900123456", "dv": 7})).unwrap();
    assert_eq!(document.number(), Some("900123456"));
    let written = json!({"type": "NIT", "number": "900123456", "dv": "7"});
    assert_eq!(serde_json::to_value(&document).unwrap(), written);
    for none in [json!(null), json!([])] {
        assert_eq!(read(none), None);
    }
}

#[test]
fn true_and_false_are_no_text() {
    for flag in [true, false] {
        let misfit = drifted(&new_event("client", json!({"fax": flag})));
        assert_eq!(misfit.path, "message.client.fax", "{flag}");
    }
}

#[test]
fn names_and_identifications_are_nothing_else() {
    for field in ["name", "identification"] {
        for misfit in [json!(true), json!(false), json!([1]), json!([{}])] {
            let body = new_event("client", json!({field: misfit}));
            let path = format!("message.client.{field}");
            assert_eq!(drifted(&body).path, path, "{body}");
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
    for (sent, types) in [
        (json!(["client", "provider"]), &["client", "provider"][..]),
        (json!(["provider"]), &["provider"]),
        (json!("provider"), &["provider"]),
        (json!([]), &[]),
        (json!(null), &[]),
        (json!(""), &[]),
    ] {
        let client = client(json!({"type": sent}));
        assert_eq!(client.types, types);
        assert_eq!(client.is_client(), types.contains(&"client"));
        assert_eq!(client.is_provider(), types.contains(&"provider"));
    }
}

#[test]
fn objects_may_be_missing_in_every_way() {
    for none in [json!(null), json!([]), json!("")] {
        let invoice = invoice(json!({"numberTemplate": none}));
        assert_eq!(invoice.number_template, None);
        assert_eq!(item(json!({"inventory": none})).inventory, None);
        assert_eq!(client(json!({"address": none})).address, None);
    }
    // What has nothing that must be there, is there.
    assert!(client(json!({"address": {}})).address.is_some());
    assert!(item(json!({"inventory": {}})).inventory.is_some());
    for (template, id) in [
        (json!([{"id": 5}]), Some("5")),
        (json!({"id": null}), None),
        (json!({"id": ""}), None),
    ] {
        let template = invoice(json!({"numberTemplate": template})).number_template;
        let kept = template.as_ref().and_then(|template| template.id.as_ref());
        assert_eq!(kept.map(|id| id.as_str()), id);
    }
}

/// PHP's ways to say that there is none.
#[test]
fn references_may_be_missing_in_every_way() {
    for none in [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!({"id": null}),
        json!({"id": ""}),
    ] {
        let invoice = invoice(json!({
            "client": none, "seller": none, "estimate": none, "costCenter": none,
            "items": [{"remission": none}],
        }));
        assert_eq!((invoice.client, invoice.seller), (None, None));
        assert_eq!((invoice.estimate, invoice.cost_center), (None, None));
        assert_eq!(invoice.items[0].remission, None);
        let item = item(json!({"category": none, "itemCategory": none}));
        assert_eq!((item.category, item.item_category), (None, None));
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
    assert_eq!(ids(&taxes), ["3", "4", "5"]);
}

/// PHP writes a list with holes as an object.
#[test]
fn an_object_with_whole_numbers_for_keys_is_a_list() {
    let body = r#"{"subject":"new-invoice","message":{"invoice":{"id":"501","total":119,
        "items":{"0":{"id":"7","price":100,"quantity":1},"10":{"id":"9"},"2":{"id":"8","price":5,"quantity":2}}}}}"#;
    let invoice = variant!(decode(body), Event::NewInvoice);
    let lines = invoice.items.iter();
    let lines: Vec<_> = lines
        .map(|line| line.id.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(lines, ["7", "9", "8"], "in the order of the body");
    assert_eq!(invoice.items[2].price.as_ref().unwrap(), &"5");
    let item = item(json!({
        "price": {"1": {"id": 1, "price": 2}},
        "tax": {"0": {"id": "3"}, "4": "5"},
        "inventory": {"warehouses": {"3": {"id": "6"}}},
    }));
    assert_eq!(item.price[0].price.as_ref().unwrap(), &"2");
    assert_eq!(ids(&item.tax), ["3", "5"]);
    assert_eq!(ids(&item.inventory.unwrap().warehouses), ["6"]);
    let types = client(json!({"type": {"0": "client", "2": "provider"}})).types;
    assert_eq!(types, ["client", "provider"]);
}

#[test]
fn an_object_that_is_none_of_its_kind_drifts_where_it_stands() {
    let odd = json!({"x": 1});
    for (fields, path) in [
        (json!({"items": odd}), "invoice.items"),
        (json!({"items": [{}, odd]}), "invoice.items[1]"),
        (json!({"items": {"0": {}, "1": odd}}), "invoice.items.1"),
        (json!({"items": {"0": {}, "total": 1}}), "invoice.items"),
        (json!({"items": [{"tax": odd}]}), "invoice.items[0].tax.id"),
        (json!({"numberTemplate": odd}), "invoice.numberTemplate"),
        (
            json!({"numberTemplate": [odd]}),
            "invoice.numberTemplate[0]",
        ),
        (json!({"seller": odd}), "invoice.seller.id"),
        (json!({"inventory": odd}), "item.inventory"),
        (
            json!({"inventory": {"warehouses": odd}}),
            "item.inventory.warehouses.id",
        ),
        (json!({"price": odd}), "item.price"),
        (json!({"price": [odd]}), "item.price[0]"),
        (
            json!({"price": {"id": 1, "idPriceList": 2}}),
            "item.price.id",
        ),
        (json!({"warehouse": odd}), "bill.warehouse"),
        (json!({"client": odd}), "bill.client.id"),
        (json!({"name": odd}), "client.name"),
        (json!({"identification": odd}), "client.identification"),
        (json!({"address": odd}), "client.address"),
        (json!({"type": odd}), "client.type"),
    ] {
        let (entity, _) = path.split_once('.').unwrap();
        let body = new_event(entity, fields);
        let misfit = drifted(&body);
        assert_eq!(misfit.path, format!("message.{path}"), "{body}");
        assert_eq!(misfit.id.unwrap(), "1");
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
}

#[test]
fn flags_are_written_in_many_ways() {
    for (flags, expected) in [
        (
            json!([true, 1, "1", "true", "yes", "y", "Si", "SÍ", "S"]),
            Some(true),
        ),
        (json!([false, 0, "0", "FALSE", "no", "N"]), Some(false)),
        (json!([null, ""]), None),
    ] {
        for flag in flags.as_array().unwrap() {
            let warehouse = bill(json!({"warehouse": {"isDefault": flag}})).warehouse;
            assert_eq!(warehouse.unwrap().is_default, expected, "{flag}");
        }
    }
    for misfit in [json!(2), json!("maybe"), json!("10"), json!([]), json!(" ")] {
        let body = new_event("bill", json!({"warehouse": {"isDefault": misfit}}));
        assert_eq!(drifted(&body).path, "message.bill.warehouse.isDefault");
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
fn escapes_and_accents_are_text() {
    let body = r#"{"subject":"new\u002dclient","message":{"client":{"i\u0064":"\u0031","name":"R\u0026D \ud83e\udd80 Ñandú"}}}"#;
    let client = variant!(decode(body), Event::NewClient);
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

#[test]
fn ids_are_keys_of_maps() {
    let mut names = std::collections::HashMap::new();
    names.insert(client(json!({"id": 774})).id, "Ana");
    assert_eq!(names.get("774"), Some(&"Ana"));
    let ordered = std::collections::BTreeMap::from_iter(names);
    assert_eq!(ordered.get("774"), Some(&"Ana"));
}
