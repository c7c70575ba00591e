//! What the reader takes is what `serde_json` takes, and means the same; what it leaves to
//! `serde_json` is deep nesting, too many objects and arrays, and nothing else.

use std::{borrow::Cow, fmt::Debug};

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use serde::{
    Deserialize,
    de::{
        DeserializeSeed, IgnoredAny,
        value::{self, BorrowedStrDeserializer},
    },
};

use super::{
    object::{Exactly, Key, Object},
    reader::{Bail, MAX_CONTAINERS, MAX_DEPTH, Reader},
};
use crate::{
    alegra::{Bill, Client, Invoice, Item},
    bsale::Notification,
    scalar::RawJson,
};

const SAMPLES: [&str; 8] = [
    include_str!("../../tests/data/alegra/new-client.json"),
    include_str!("../../tests/data/alegra/new-item.json"),
    include_str!("../../tests/data/alegra/new-invoice.json"),
    include_str!("../../tests/data/alegra/new-bill.json"),
    include_str!("../../tests/data/alegra/variants/new-client-escapes.json"),
    include_str!("../../tests/data/bsale/document.json"),
    include_str!("../../tests/data/bsale/price.json"),
    include_str!("../../tests/data/bsale/variants/document-numbers-as-strings.json"),
];

/// Pieces that mean something, or nearly do.
#[rustfmt::skip]
const PIECES: [&str; 56] = [
    "{", "}", "[", "]", "\"", ",", ":", "\\", "/", " ", "\n", "\t", "\r", "\u{b}", "\0", "\u{1f}",
    "\u{7f}", "\u{a0}", "é", "😀", "\u{feff}", "0", "1", "00", "-", "+", ".", "e", "E", "1e5",
    "-0.0", "1E+9", "1e", "null", "nul", "true", "false", "\\u", "\\u00e9", "\\ud83d", "\\ude00",
    "\\ud83d\\ude00", "\\uD83D\\u0041", "\\u12", "\\n", "\\/", "\\x", "\\\"", "{}", "[]", "{},",
    "[[]]", "{\"a\":1}", "\"id\":", "        ", "\n                ",
];

/// A text that was cut, doubled and pieced together in a few places.
fn mutated(sample: &'static str) -> impl Strategy<Value = String> {
    let edit = (any::<Index>(), 0..4_usize, select(&PIECES[..]), 0..6_u8);
    prop::collection::vec(edit, 0..5).prop_map(move |edits| {
        let mut chars: Vec<char> = sample.chars().collect();
        for (at, len, piece, kind) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + len).min(chars.len());
            match kind {
                0 => drop(chars.drain(at..end)),
                1 => drop(chars.splice(at..at, piece.chars())),
                2 => drop(chars.splice(at..end, piece.chars())),
                3 => chars.truncate(at.max(1)),
                _ => {
                    let doubled: Vec<char> = chars[at..(at + len * 8).min(chars.len())].to_vec();
                    drop(chars.splice(at..at, doubled));
                }
            }
        }
        chars.into_iter().collect()
    })
}

/// Any value of JSON, as text with random spaces.
fn json() -> impl Strategy<Value = String> {
    let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let string = prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("text is JSON")),
        "\"([ -!#-\\[\\]-~]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|\\\\u[0-9a-c][0-9a-f]{3}){0,40}\"",
    ]
    .boxed();
    let leaf = prop_oneof![
        number,
        string.clone(),
        select(&["null", "true", "false"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |value| {
        let space = || select(&["", "", " ", "\n  ", "\r\n\t", "\n            "][..]);
        let element = (space(), value.clone(), space());
        let list = prop::collection::vec(element, 0..6);
        let entry = (space(), string.clone(), space(), value, space());
        let object = prop::collection::vec(entry, 0..6);
        prop_oneof![
            (space(), list).prop_map(|(inside, elements)| {
                let elements: Vec<_> = elements
                    .into_iter()
                    .map(|(before, value, after)| format!("{before}{value}{after}"))
                    .collect();
                format!("[{}{inside}]", elements.join(","))
            }),
            (space(), object).prop_map(|(inside, entries)| {
                let entries: Vec<_> = entries
                    .into_iter()
                    .map(|(a, key, b, value, c)| format!("{a}{key}{b}:{b}{value}{c}"))
                    .collect();
                format!("{{{}{inside}}}", entries.join(","))
            }),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    let samples: Vec<_> = SAMPLES
        .into_iter()
        .map(|sample| mutated(sample).boxed())
        .collect();
    let cut = (json(), any::<Index>(), select(&PIECES[..])).prop_map(|(mut text, at, piece)| {
        let mut at = at.index(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.insert_str(at, piece);
        text
    });
    prop_oneof![
        4 => prop::strategy::Union::new(samples),
        2 => json(),
        2 => cut,
        1 => prop::collection::vec(select(&PIECES[..]), 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

/// A whole text, with nothing but white space around it.
fn read<'de, T: DeserializeSeed<'de>>(text: &'de str, seed: T) -> Result<T::Value, Bail> {
    let mut reader = Reader::new(text);
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn raw(text: &str) -> Result<&str, Bail> {
    let mut reader = Reader::new(text);
    let raw = reader.raw()?;
    reader.end()?;
    Ok(raw)
}

/// What the reader may leave to `serde_json`, which takes some of it.
fn may_be_left(text: &str) -> bool {
    text.matches(['{', '[']).count() > MAX_DEPTH
}

fn same<T: PartialEq + Debug>(
    text: &str,
    here: Result<T, Bail>,
    there: Result<T, serde_json::Error>,
) -> Result<(), TestCaseError> {
    match (here, there) {
        (Ok(here), Ok(there)) => prop_assert_eq!(here, there, "{}", text),
        (Ok(here), Err(error)) => prop_assert!(false, "{text}: took {here:?}, but {error}"),
        (Err(_), Ok(there)) => {
            prop_assert!(may_be_left(text), "{text}: did not take {there:?}");
        }
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

fn as_object<T>(text: &str) -> Result<(), TestCaseError>
where
    T: for<'de> Object<'de> + PartialEq + Debug,
{
    // A derived struct would take an array as well.
    if text.trim_start().starts_with('[') {
        return Ok(());
    }
    same(
        text,
        read(text, Exactly::<T>::seed()),
        serde_json::from_str::<T>(text),
    )
}

/// What stands at a path of an envelope, if it is one.
fn inner<'a>(text: &'a str, keys: [&str; 2]) -> Option<&'a str> {
    keys.into_iter().try_fold(text, |text, key| {
        let object: std::collections::HashMap<String, &serde_json::value::RawValue> =
            serde_json::from_str(text).ok()?;
        object.get(key).map(|raw| raw.get())
    })
}

#[track_caller]
fn for_all<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        // `PROPTEST_CASES` asks for more.
        cases: Config::default().cases.max(2_000),
        failure_persistence: None,
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(strategy, test);
    ran.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn takes_what_is_json_and_nothing_else() {
    for_all(&texts(), |text| {
        let here = raw(&text);
        let there = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        same(&text, here, there.map(|raw| raw.get()))
    });
}

#[test]
fn passes_over_what_is_json_and_nothing_else() {
    for_all(&texts(), |text| {
        let here = read(&text, std::marker::PhantomData::<IgnoredAny>);
        let there = serde_json::from_str::<IgnoredAny>(&text);
        same(&text, here.map(drop), there.map(drop))
    });
}

#[test]
fn reads_strings_as_serde_json_does() {
    let hex =
        "\"[a\u{e9}\u{1f600} ]{0,20}(\\\\u[0-9a-fA-F]{4}|\\\\[\"\\\\/bfnrtux]){0,3}[a-z]{0,20}\"";
    let pieces = prop::collection::vec(select(&PIECES[..]), 0..6);
    let quoted = pieces.prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    for_all(&prop_oneof![hex, quoted], |text| {
        let here = read(&text, Key).map(Cow::into_owned);
        same(&text, here, serde_json::from_str(&text))
    });
}

#[test]
fn reads_every_escape_as_serde_json_does() {
    let ends = [
        0, 0x80, 0xd7ff, 0xd800, 0xd840, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff,
    ];
    let pairs = ends
        .iter()
        .flat_map(|first| ends.map(|second| format!("\"\\u{first:04x}\\u{second:04X}\"")));
    let single = (0..=0xffff).map(|code| format!("\"\\u{code:04x}\""));
    for text in single.chain(pairs) {
        let here = read(&text, Key).map(Cow::into_owned);
        same(&text, here, serde_json::from_str(&text)).expect("the same");
    }
}

#[test]
fn types_mean_the_same() {
    for_all(&texts(), |text| {
        as_object::<Notification>(&text)?;
        for key in ["client", "item", "invoice", "bill"] {
            let Some(object) = inner(&text, ["message", key]) else {
                continue;
            };
            as_object::<Client>(object)?;
            as_object::<Item>(object)?;
            as_object::<Invoice>(object)?;
            as_object::<Bill>(object)?;
        }
        Ok(())
    });
}

#[test]
fn takes_a_byte_wherever_it_is_json() {
    let text = "{\"a\" : [1.5e+30, -0, true, \"b\\u00e9\\n 12345678\", null, {}] ,\n\t\"\":\"\"}";
    for at in 0..=text.len() {
        for byte in '\0'..='\u{7f}' {
            for to in [at, (at + 1).min(text.len())] {
                let mut text = text.to_owned();
                text.replace_range(at..to, byte.encode_utf8(&mut [0]));
                let here = raw(&text);
                let there = serde_json::from_str::<&serde_json::value::RawValue>(&text);
                same(&text, here, there.map(|raw| raw.get())).expect("the same");
            }
        }
    }
}

#[test]
fn goes_as_deep_as_a_handler_could() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(raw(&nested(MAX_DEPTH)).is_ok());
    assert!(raw(&nested(MAX_DEPTH + 1)).is_err());
}

#[test]
fn takes_as_many_objects_and_arrays_as_are_decoded() {
    let list = |many| format!("[{}]", vec!["{}"; many - 1].join(","));
    assert!(raw(&list(MAX_CONTAINERS)).is_ok());
    assert!(raw(&list(MAX_CONTAINERS + 1)).is_err());
}

#[test]
fn takes_no_string_of_another_deserializer_for_json() {
    let text = BorrowedStrDeserializer::<value::Error>::new("no JSON");
    assert!(RawJson::deserialize(text).is_err());
}

/// What a provider writes inexactly is no reason to leave the hot path.
#[test]
fn takes_every_leniency() {
    let client = r#"{"id":7,"name":[ ],"type":"client","identification":null,"address":{}}"#;
    taken::<Client>(client);
    taken::<Client>(r#"{"id":"7","name":"a","type":"","identification":12,"address":[]}"#);
    taken::<Client>(r#"{"id":"7","name":{},"type":null,"identification":{"number":1}}"#);
    let invoice = r#"{"id":7,"client":{ },"seller":[],"estimate":null,"costCenter":[{"id":1}],"items":{"price":"1"}}"#;
    taken::<Invoice>(invoice);
    taken::<Invoice>(r#"{"id":"7","client":[{"id":1}],"total":"","items":{}}"#);
    taken::<Bill>(r#"{"id":"7","warehouse":{"isDefault":"1"},"numberTemplate":{}}"#);
    taken::<Item>(r#"{"id":"7","subitems":null,"itemVariants":"\ud800","inventory":{}}"#);
}

#[track_caller]
fn taken<T>(text: &str)
where
    T: for<'de> Object<'de> + PartialEq + Debug,
{
    let here: T = read(text, Exactly::seed()).expect("taken");
    assert_eq!(here, serde_json::from_str(text).expect("a value"));
}
