//! What cannot be seen from outside: the reader leaves nothing to `serde_json` but deep nesting, too many
//! objects and arrays, and what is not JSON.

use std::fmt::Debug;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    reader::{Bail, MAX_CONTAINERS, MAX_DEPTH, Reader},
    token::{Exactly, Object},
};
use crate::alegra::{Bill, Client, Invoice, Item};

fn raw(text: &str) -> Result<&str, Bail> {
    let mut reader = Reader::new(text, MAX_CONTAINERS);
    let raw = reader.raw()?;
    reader.end()?;
    Ok(raw)
}

#[test]
fn the_reader_takes_a_byte_wherever_it_is_json() {
    let text = "{\"a\" : [1.5e+30, -0, true, \"b\\u00e9\\n 12345678\", null, {}] ,\n\t\"\":\"\"}";
    for at in 0..=text.len() {
        for (byte, to) in ('\0'..='\u{7f}').flat_map(|byte| [(byte, at), (byte, at + 1)]) {
            let mut text = text.to_owned();
            text.replace_range(at..to.min(text.len()), byte.encode_utf8(&mut [0]));
            let there = serde_json::from_str::<&RawValue>(&text).ok();
            assert_eq!(raw(&text).ok(), there.map(RawValue::get), "{text}");
        }
    }
}

#[test]
fn the_reader_takes_every_leniency() {
    taken::<Client>(r#"{"id":7,"name":[ ],"type":"client","identification":null,"address":{}}"#);
    taken::<Client>(r#"{"id":"7","name":"\ud83e\udd80","type":"","identification":12}"#);
    taken::<Client>(r#"{"id":"7","name":{},"type":null,"identification":{"number":1}}"#);
    taken::<Invoice>(r#"{"id":7,"client":{ },"costCenter":[{"id":1}],"items":{"price":"1"}}"#);
    taken::<Invoice>(r#"{"id":"7","client":[{"id":1}],"seller":[],"total":"","items":{}}"#);
    taken::<Bill>(r#"{"id":"7","warehouse":{"isDefault":"1"},"numberTemplate":{}}"#);
    taken::<Item>(r#"{"id":"7","subitems":null,"itemVariants":"\ud800","inventory":{}}"#);
}

#[track_caller]
fn taken<T: for<'de> Object<'de> + PartialEq + Debug>(text: &str) {
    let Exactly(here) =
        Exactly::<T>::deserialize(&mut Reader::new(text, MAX_CONTAINERS)).expect("taken");
    assert_eq!(here, serde_json::from_str(text).expect("a value"));
}

#[test]
fn the_reader_goes_as_deep_and_takes_as_many_as_are_decoded() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let list = |many| format!("[{}]", vec!["{}"; many - 1].join(","));
    assert!(raw(&nested(MAX_DEPTH)).is_ok() && raw(&list(MAX_CONTAINERS)).is_ok());
    assert!(raw(&nested(MAX_DEPTH + 1)).is_err() && raw(&list(MAX_CONTAINERS + 1)).is_err());
}
