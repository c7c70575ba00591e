//! For JSON of any shape around the known names: decoding never panics, every scalar that a typed event
//! exposes is what stands at that path of the body, digit for digit, every scalar that stands where the
//! types look is in the typed event, and what is written of it is read to the same.
//!
//! And for texts that are JSON or nearly so: what a provider takes is what `serde_json` takes, and is
//! read as the same value.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use bytes::Bytes;
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, value::RawValue};
use tower_webhook::{
    Event as _, Incoming, Provider,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

/// JSON as it was written: numbers are their text, and keys have an order.
#[derive(Clone, Debug)]
enum Json {
    /// `null`, `true`, `false` or a number.
    Bare(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn write(&self) -> String {
        match self {
            Self::Bare(text) => text.clone(),
            Self::Text(text) => serde_json::to_string(text).unwrap(),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(Self::write).collect();
                format!("[{}]", values.join(","))
            }
            Self::Object(fields) => {
                let field = |(key, value): &(String, Self)| format!("\"{key}\":{}", value.write());
                let fields: Vec<_> = fields.iter().map(field).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }

    /// The elements of a list, which PHP writes as an object if it has holes.
    fn elements(&self) -> Option<Vec<&Json>> {
        let is_index = |key: &str| key.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::List(values) => Some(values.iter().collect()),
            Self::Object(fields) if !fields.is_empty() => {
                let fields = fields.iter();
                fields
                    .map(|(key, value)| is_index(key).then_some(value))
                    .collect()
            }
            _ => None,
        }
    }

    /// Every scalar and every empty object by its path. A list of one has the path of its element, and
    /// an id that of its object, since providers write either.
    fn leaves(&self, path: &str) -> Leaves {
        let leaf = |text: &str| Leaves::from([(path.to_owned(), text.to_owned())]);
        match (self, self.elements().as_deref()) {
            (_, Some([alone])) => alone.leaves(path),
            (_, Some(elements)) => {
                let elements = elements.iter().enumerate();
                elements
                    .flat_map(|(index, value)| value.leaves(&format!("{path}[{index}]")))
                    .collect()
            }
            (Self::Object(fields), None) if !fields.is_empty() => {
                let known = fields.iter().filter(|(key, _)| key != "undocumented");
                let field = |(key, value): &(String, Self)| match &**key {
                    "id" => value.leaves(path),
                    key => value.leaves(&format!("{path}.{key}")),
                };
                known.flat_map(field).collect()
            }
            (Self::Bare(text) | Self::Text(text), None) => match &**text {
                "1" if path.ends_with(".isDefault") => leaf("true"),
                "0" if path.ends_with(".isDefault") => leaf("false"),
                text => leaf(text),
            },
            (_, None) => leaf("{}"),
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let fields = fields.into_iter();
                Self::Object(fields.map(|(key, value)| (key, value.into())).collect())
            }
            scalar => Self::Bare(scalar.to_string()),
        }
    }
}

/// Texts by their paths.
type Leaves = BTreeMap<String, String>;

/// All that is shown was sent. Says how much that is.
fn nothing_is_made_up(shown: &Leaves, sent: &Leaves) -> Result<usize, TestCaseError> {
    for (path, text) in shown {
        if text == "{}" {
            let is_there = sent.keys().any(|it| it.starts_with(path));
            prop_assert!(is_there, "{} is made up", path);
        } else {
            prop_assert_eq!(sent.get(path), Some(text), "{}", path);
        }
    }
    Ok(shown.len())
}

/// All that was sent is shown.
fn nothing_is_lost(shown: &Leaves, sent: &Leaves) -> Result<(), TestCaseError> {
    let is_nothing = |text: &str| ["", "null", "{}"].contains(&text);
    for (path, text) in sent.iter().filter(|(_, text)| !is_nothing(text)) {
        prop_assert_eq!(shown.get(path), Some(text), "{}", path);
    }
    Ok(())
}

type Strategy1 = BoxedStrategy<Json>;

fn bare(text: &str) -> Strategy1 {
    Just(Json::Bare(text.to_owned())).boxed()
}

fn number() -> Strategy1 {
    prop_oneof![
        "0|[1-9][0-9]{0,5}",
        "-?(0|[1-9][0-9]{0,30})\\.[0-9]{1,30}",
        "[1-9][0-9]{17,40}",
        "[1-9](\\.[0-9])?[eE][+-]?[0-9]{1,3}",
    ]
    .prop_map(Json::Bare)
    .boxed()
}

fn string() -> Strategy1 {
    prop_oneof![
        "[0-9]{1,30}",
        "[a-zA-ZñÁ \"\\\\/\u{1F980}\u{0}-\u{1f}]{0,30}",
        Just("019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b".to_owned()),
    ]
    .prop_map(Json::Text)
    .boxed()
}

/// Something else than what the field holds, now and then.
fn mostly(sound: Strategy1) -> Strategy1 {
    prop_oneof![
        60 => sound,
        4 => bare("null"),
        2 => Just(Json::Text(String::new())),
        1 => bare("true"),
        1 => Just(Json::List(Vec::new())),
        1 => Just(Json::Object(Vec::new())),
    ]
    .boxed()
}

fn text() -> Strategy1 {
    mostly(prop_oneof![3 => string(), 1 => number()].boxed())
}

fn id() -> Strategy1 {
    let integer = "0|[1-9][0-9]{0,25}".prop_map(Json::Bare);
    prop_oneof![3 => string(), 2 => integer].boxed()
}

fn amount() -> Strategy1 {
    let digits = "-?[0-9]{1,20}(\\.[0-9]{1,25})?".prop_map(Json::Text);
    mostly(prop_oneof![2 => number(), 1 => digits].boxed())
}

fn date() -> Strategy1 {
    mostly("20[0-9]{2}-[0-9]{2}-[0-9]{2}".prop_map(Json::Text).boxed())
}

type Fields = Vec<(&'static str, Strategy1)>;

/// Fields of the same kind.
fn each(names: &'static str, kind: fn() -> Strategy1) -> Fields {
    let names = names.split(' ');
    names.map(|name| (name, kind())).collect()
}

fn field(name: &'static str, value: Strategy1) -> Fields {
    vec![(name, value)]
}

/// Some of the fields, in any order, and unknown ones between them.
fn object<const KINDS: usize>(fields: [Fields; KINDS]) -> Strategy1 {
    let unknown = prop_oneof![text(), text().prop_map(|value| Json::List(vec![value]))].boxed();
    let fields: Vec<_> = fields
        .into_iter()
        .flatten()
        .chain([("undocumented", unknown)])
        .map(|(key, value)| {
            // The id is nearly always there.
            let odds = if key == "id" { 0.98 } else { 0.6 };
            prop::option::weighted(odds, value.prop_map(move |value| (key.to_owned(), value)))
        })
        .collect();
    fields
        .prop_map(|fields| fields.into_iter().flatten().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(Json::Object)
        .boxed()
}

fn list(element: Strategy1) -> Strategy1 {
    let many = prop::collection::vec(element.clone(), 0..4).prop_map(Json::List);
    let holes = prop::collection::vec(element.clone(), 1..4).prop_map(|values| {
        let keys = ["0", "2", "3"];
        Json::Object(keys.map(str::to_owned).into_iter().zip(values).collect())
    });
    mostly(prop_oneof![9 => many, 1 => element, 1 => holes].boxed())
}

fn one(element: Strategy1) -> Strategy1 {
    let in_a_list = element.clone().prop_map(|value| Json::List(vec![value]));
    mostly(prop_oneof![9 => element, 1 => in_a_list].boxed())
}

fn reference() -> Strategy1 {
    let object = object([field("id", mostly(id()))]);
    prop_oneof![9 => object, 1 => id()].boxed()
}

fn client() -> Strategy1 {
    let parts = "firstName secondName lastName secondLastName fullname";
    let types = prop::collection::vec(string(), 0..3).prop_map(Json::List);
    let document = object([each("type number dv", text)]);
    let address = object([each("zipCode department country address city", text)]);
    object([
        each("id", id),
        field(
            "name",
            prop_oneof![2 => object([each(parts, text)]), 1 => text()].boxed(),
        ),
        each("phonePrimary phoneSecondary mobile email fax", text),
        field("type", prop_oneof![3 => types, 1 => string()].boxed()),
        field(
            "identification",
            prop_oneof![2 => text(), 1 => document].boxed(),
        ),
        field("address", one(address)),
    ])
}

fn references() -> Strategy1 {
    list(reference())
}

fn one_reference() -> Strategy1 {
    one(reference())
}

fn raw() -> Strategy1 {
    prop_oneof![bare("null"), string(), list(string())].boxed()
}

fn item() -> Strategy1 {
    let inventory = object([
        each("unit", text),
        each("availableQuantity unitCost initialQuantity", amount),
        each("warehouses", references),
    ]);
    object([
        each("id", id),
        each("name description reference status type", text),
        each("itemCategory category", one_reference),
        field(
            "price",
            list(object([each("id", id), each("price", amount)])),
        ),
        field("inventory", one(inventory)),
        each("tax customFields", references),
        each("variantAttributes itemVariants subitems", raw),
    ])
}

fn lines() -> Strategy1 {
    list(object([
        each("id", id),
        each("name description reference", text),
        each("price quantity", amount),
        each("tax", references),
        each("remission", one_reference),
    ]))
}

fn number_template() -> Strategy1 {
    one(object([each("id", id), each("number", text)]))
}

fn invoice() -> Strategy1 {
    object([
        each("id", id),
        each("date dueDate", date),
        each("observations anotation status decimalPrecision", text),
        each("client seller estimate costCenter", one_reference),
        each("numberTemplate", number_template),
        each("total totalPaid balance", amount),
        each("items", lines),
    ])
}

fn bill() -> Strategy1 {
    let text_flag = Just(Json::Text("0".into()));
    let flag = prop_oneof![bare("true"), bare("false"), bare("1"), text_flag].boxed();
    let warehouse = object([each("id", id), each("name", text), field("isDefault", flag)]);
    object([
        each("id", id),
        each("date dueDate dateTime time", date),
        each("state decimalPrecision observations termsConditions", text),
        field("client", one(client())),
        field("warehouse", one(warehouse)),
        each("items", lines),
        each("subtotal total totalPaid balance", amount),
        each("numberTemplate", number_template),
    ])
}

fn envelope(entity: &'static str, of: Strategy1) -> Strategy1 {
    let verb = select(&["new", "edit", "delete"][..]);
    (verb, mostly(of))
        .prop_map(move |(verb, object)| {
            let subject = Json::Text(format!("{verb}-{entity}"));
            let message = Json::Object(vec![(entity.to_owned(), object)]);
            vec![
                ("subject".to_owned(), subject),
                ("message".to_owned(), message),
            ]
        })
        .prop_shuffle()
        .prop_map(Json::Object)
        .boxed()
}

fn notice() -> Strategy1 {
    let topic = select(&["document", "stock", "price", "webOrder"][..]);
    let action = select(&["post", "put", "delete", "patch"][..]);
    let number = || {
        let digits = "[1-9][0-9]{0,15}";
        let (bare, quoted) = (digits.prop_map(Json::Bare), digits.prop_map(Json::Text));
        prop_oneof![3 => bare, 1 => quoted, 1 => text()].boxed()
    };
    let rest = object([
        field("cpnId", number()),
        field("send", number()),
        each("officeId priceListId sellerId", text),
    ]);
    (rest, topic, action, string(), id())
        .prop_map(|(rest, topic, action, resource, resource_id)| {
            let Json::Object(mut fields) = rest else {
                unreachable!()
            };
            let always = [
                ("topic", Json::Text(topic.into())),
                ("action", Json::Text(action.into())),
                ("resource", resource),
                ("resourceId", resource_id),
            ];
            fields.extend(always.map(|(key, value)| (key.to_owned(), value)));
            Json::Object(fields)
        })
        .boxed()
}

/// Runs that many cases, or as many as `PROPTEST_CASES` says if it says more.
#[track_caller]
fn for_all<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases: Config::default().cases.max(cases),
        failure_persistence: None,
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(strategy, test);
    ran.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Runs the cases, and sees to it that enough of them were typed and held something to compare.
#[track_caller]
fn compare(
    cases: u32,
    strategy: &Strategy1,
    check: impl Fn(&Json) -> Result<Option<usize>, TestCaseError>,
) {
    let (ran, typed, scalars) = (Cell::new(0), Cell::new(0), Cell::new(0));
    for_all(cases, strategy, |body| {
        ran.set(ran.get() + 1);
        if let Some(compared) = check(&body)? {
            typed.set(typed.get() + 1);
            scalars.set(scalars.get() + compared);
        }
        Ok(())
    });
    let (ran, typed, scalars) = (ran.get(), typed.get(), scalars.get());
    assert!(typed * 5 > ran, "only {typed} of {ran} were typed");
    assert!(scalars > typed, "{scalars} scalars");
}

fn compare_alegra(entity: &'static str, of: Strategy1) {
    compare(256, &envelope(entity, of), |body| {
        let event: alegra::Event = serde_json::from_str(&body.write()).unwrap();
        let sent = body.leaves("");
        match &event {
            alegra::Event::Unknown(_) => Err(TestCaseError::fail("the subject is known")),
            alegra::Event::Drifted(drifted) => {
                let prefix = format!("message.{entity}");
                prop_assert!(drifted.path.starts_with(&prefix), "{}", drifted.path);
                if let Some(id) = event.id() {
                    let sent = sent.get(&format!(".{prefix}"));
                    prop_assert_eq!(sent.map(String::as_str), Some(&*id));
                }
                Ok(None)
            }
            _ => {
                let written = serde_json::to_string(&event).unwrap();
                let read: alegra::Event = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(&read, &event);
                let written: Value = serde_json::from_str(&written).unwrap();
                let shown = Json::from(written).leaves("");
                nothing_is_lost(&shown, &sent)?;
                nothing_is_made_up(&shown, &sent).map(Some)
            }
        }
    });
}

#[test]
fn a_typed_event_shows_what_was_sent() {
    compare_alegra("client", client());
    compare_alegra("item", item());
    compare_alegra("invoice", invoice());
    compare_alegra("bill", bill());
}

#[test]
fn a_typed_notice_shows_what_was_sent() {
    compare(1024, &notice(), |body| {
        let event: bsale::Event = serde_json::from_str(&body.write()).unwrap();
        let sent = body.leaves("");
        if let Some(cpn_id) = event.cpn_id() {
            prop_assert_eq!(&sent[".cpnId"], &cpn_id.to_string());
        }
        if let Some(id) = event.id() {
            prop_assert_eq!(&*sent[".resourceId"], id);
        }
        prop_assert_eq!(event.topic(), &sent[".topic"]);
        match &event {
            bsale::Event::Drifted(_) => Ok(None),
            _ => {
                let written = serde_json::to_value(&event).unwrap();
                nothing_is_made_up(&Json::from(written).leaves(""), &sent).map(Some)
            }
        }
    });
}

const ALEGRA: [&str; 5] = [
    include_str!("../../data/alegra/new-client.json"),
    include_str!("../../data/alegra/new-item.json"),
    include_str!("../../data/alegra/new-invoice.json"),
    include_str!("../../data/alegra/new-bill.json"),
    include_str!("../../data/alegra/variants/new-client-escapes.json"),
];

const BSALE: [&str; 3] = [
    include_str!("../../data/bsale/document.json"),
    include_str!("../../data/bsale/price.json"),
    include_str!("../../data/bsale/variants/document-numbers-as-strings.json"),
];

/// Pieces that mean something, or nearly do.
#[rustfmt::skip]
const PIECES: [&str; 57] = [
    "{", "}", "[", "]", "\"", ",", ":", "\\", "/", " ", "\n", "\t", "\r", "\u{b}", "\0", "\u{1f}",
    "\u{7f}", "\u{a0}", "é", "😀", "\u{feff}", "0", "1", "00", "-", "+", ".", "e", "E", "1e5",
    "-0.0", "1E+9", "1e", "null", "nul", "true", "false", "\\u", "\\u+0e9", "\\u00e9", "\\ud83d", "\\ude00",
    "\\ud83d\\ude00", "\\uD83D\\u0041", "\\u12", "\\n", "\\/", "\\x", "\\\"", "{}", "[]", "{},",
    "[[]]", "{\"a\":1}", "\"id\":", "        ", "\n                ",
];

/// One of the samples, cut, doubled and pieced together in a few places. It has no byte order mark in
/// front, which providers pass over and `serde_json` does not.
fn mutated(samples: &'static [&'static str]) -> impl Strategy<Value = String> {
    let edit = (any::<Index>(), 0..4_usize, select(&PIECES[..]), 0..6_u8);
    let edits = prop::collection::vec(edit, 0..5);
    (select(samples), edits).prop_map(|(sample, edits)| {
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
        let is_mark = |char: &char| *char == '\u{feff}';
        chars.into_iter().skip_while(is_mark).collect()
    })
}

/// Any value of JSON, with random spaces; or one with a piece too much; or pieces alone.
fn any_text() -> impl Strategy<Value = String> {
    let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let string = prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"([ -!#-\\[\\]-~]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|\\\\u[0-9a-c][0-9a-f]{3}){0,40}\"",
    ]
    .boxed();
    let word = select(&["null", "true", "false"][..]).prop_map(str::to_owned);
    let leaf = prop_oneof![number, string.clone(), word];
    let json = leaf.prop_recursive(5, 60, 6, move |value| {
        let space = || select(&["", "", " ", "\n  ", "\r\n\t", "\n            "][..]);
        let element =
            (space(), value.clone(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let entry = (space(), string.clone(), space(), value, space())
            .prop_map(|(a, key, b, value, c)| format!("{a}{key}{b}:{b}{value}{c}"));
        let list = (space(), prop::collection::vec(element, 0..6));
        let object = (space(), prop::collection::vec(entry, 0..6));
        prop_oneof![
            list.prop_map(|(inside, elements)| format!("[{}{inside}]", elements.join(","))),
            object.prop_map(|(inside, entries)| format!("{{{}{inside}}}", entries.join(","))),
        ]
    });
    let piece = select(&PIECES[..]);
    let with_a_piece =
        (json.clone(), any::<Index>(), piece.clone()).prop_map(|(text, at, piece)| {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            chars.splice(at..at, piece.chars());
            chars.into_iter().collect()
        });
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![2 => json, 2 => with_a_piece, 1 => pieces]
}

/// What a provider makes of a body; nothing of one that it refuses.
fn received<P: Provider>(provider: &P, body: &str) -> Option<P::Event> {
    let (head, ()) = http::Request::new(()).into_parts();
    let body = Bytes::from(body.to_owned());
    let received = provider.decode(&Incoming::new(&head, &body));
    received.ok().and_then(tower_webhook::Received::into_event)
}

/// What stands at a path of objects.
fn inner<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    keys.iter().try_fold(text, |text, key| {
        let object: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        object.get(*key).map(|raw| raw.get())
    })
}

/// What was typed is what `serde_json` reads from the same text, and what was not, it does not read.
fn same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(
    typed: Option<T>,
    text: &str,
) -> Result<(), TestCaseError> {
    // A derived struct would take an array as well.
    let object = text.trim_start().starts_with('{').then_some(text);
    let there = object.and_then(|text| serde_json::from_str(text).ok());
    prop_assert_eq!(typed, there, "{}", text);
    Ok(())
}

#[test]
fn a_provider_takes_what_is_json_and_nothing_else() {
    fn takes_json<P: Provider>(provider: &P, body: &str) -> Result<(), TestCaseError> {
        let is_json = serde_json::from_str::<IgnoredAny>(body).is_ok();
        let taken = received(provider, body).is_some();
        prop_assert_eq!(taken, is_json, "{}", body);
        Ok(())
    }

    for_all(2_000, &any_text(), |text| {
        let body = format!(r#"{{"subject":"x","other":{text}}}"#);
        takes_json(&Alegra::new(), &body)?;
        let body = format!(r#"{{"other":{text},"topic":"x"}}"#);
        takes_json(&Bsale::new(), &body)
    });
}

#[test]
fn objects_of_alegra_s_are_what_serde_json_reads() {
    for_all(2_000, &mutated(&ALEGRA), |body| {
        use alegra::Event::{NewBill, NewClient, NewInvoice, NewItem};

        let Some(event) = received(&Alegra::new(), &body) else {
            let subject = inner(&body, &["subject"]).map(serde_json::from_str::<String>);
            let is_doubled = body.matches("\"subject\"").count() > 1;
            prop_assert!(is_doubled || !matches!(subject, Some(Ok(_))), "{}", body);
            return Ok(());
        };
        let is_json = serde_json::from_str::<IgnoredAny>(&body).is_ok();
        prop_assert!(is_json, "{}", body);
        let is_known = |entity: &&str| ["client", "item", "invoice", "bill"].contains(entity);
        let name = event.name().to_owned();
        let Some(entity) = name.strip_prefix("new-").filter(is_known) else {
            return Ok(());
        };
        let Some(object) = inner(&body, &["message", entity]) else {
            prop_assert!(matches!(event, alegra::Event::Drifted(_)), "{}", body);
            return Ok(());
        };
        match (event, entity) {
            (alegra::Event::Drifted(it), _)
                if !it.path.starts_with(&format!("message.{entity}")) =>
            {
                Ok(())
            }
            (NewClient(it), _) => same(Some(it), object),
            (NewItem(it), _) => same(Some(it), object),
            (NewInvoice(it), _) => same(Some(it), object),
            (NewBill(it), _) => same(Some(it), object),
            (_, "client") => same(None::<alegra::Client>, object),
            (_, "item") => same(None::<alegra::Item>, object),
            (_, "invoice") => same(None::<alegra::Invoice>, object),
            (_, _) => same(None::<alegra::Bill>, object),
        }
    });
}

#[test]
fn notices_of_bsale_s_are_what_serde_json_reads() {
    for_all(2_000, &mutated(&BSALE), |body| {
        let typed = match received(&Bsale::new(), &body) {
            Some(bsale::Event::Notification(notification)) => Some(notification),
            _ => None,
        };
        same(typed, &body)
    });
}

#[test]
fn strings_are_read_as_serde_json_reads_them() {
    let ends = [
        0, 0x80, 0xd7ff, 0xd800, 0xd840, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff,
    ];
    let pairs = ends
        .iter()
        .flat_map(|first| ends.map(|second| format!("\"\\u{first:04x}\\u{second:04X}\"")));
    let single = (0..=0xffff).map(|code| format!("\"\\u{code:04x}\""));
    for text in single.chain(pairs) {
        read_as_a_subject(&text).unwrap();
    }
    let hex =
        "\"[a\u{e9}\u{1f600} ]{0,20}(\\\\u[0-9a-fA-F]{4}|\\\\[\"\\\\/bfnrtux]){0,3}[a-z]{0,20}\"";
    let pieces = prop::collection::vec(select(&PIECES[..]), 0..6);
    let quoted = pieces.prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    for_all(2_000, &prop_oneof![hex, quoted], |text| {
        read_as_a_subject(&text)
    });
}

fn read_as_a_subject(text: &str) -> Result<(), TestCaseError> {
    let subject = received(&Alegra::new(), &format!(r#"{{"subject":{text}}}"#));
    let here = subject.map(|event| event.subject().to_owned());
    prop_assert_eq!(here, serde_json::from_str::<String>(text).ok(), "{}", text);
    Ok(())
}
