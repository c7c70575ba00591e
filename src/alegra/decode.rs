//! From a body to an event: in one pass where all fits, else by looking for what does not.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::event::{self, Drifted, Event, Unknown};
use crate::{
    json::{
        envelope,
        reader::{Bail, MAX_CONTAINERS, Reader},
        token::{Exactly, Key},
    },
    rejection::Rejection,
    scalar::Id,
};

const NO_SUBJECT: [&str; 3] = [
    "the field `subject` is missing",
    "the field `subject` occurs twice",
    "the field `subject` is not text",
];

pub(super) fn decode(body: &[u8]) -> Result<Event, Rejection> {
    let text = envelope::text(body)?;
    in_one_pass(text).or_else(|_| step_by_step(text))
}

/// Takes the order in which Alegra writes: a known subject, then the message.
fn in_one_pass(text: &str) -> Result<Event, Bail> {
    let mut reader = Reader::new(text, MAX_CONTAINERS);
    let mut fields = reader.enter(b'{')?;
    let mut subject = None;
    let mut event = None;
    while let Some(Key(key)) = fields.next_key()? {
        match (&*key, subject) {
            ("subject", None) => {
                let Key(text) = fields.next_value()?;
                subject = Some(event::subject(&text).ok_or(Bail::custom("an unknown subject"))?);
            }
            ("message", Some(subject)) if event.is_none() => {
                event = Some(fields.next_value_seed(Message(subject))?);
            }
            ("subject" | "message", _) => return Err(Bail::custom("another order, or twice")),
            _ => drop(fields.next_value::<IgnoredAny>()?),
        }
    }
    reader.end()?;
    event.ok_or(Bail::custom("no message"))
}

/// The message of a known subject: an object whose one key of interest is the entity.
#[derive(Clone, Copy)]
struct Message(&'static str);

impl Message {
    /// `client` of `new-client`.
    fn entity(self) -> &'static str {
        self.0.split_once('-').map_or("", |(_verb, entity)| entity)
    }
}

impl<'de> DeserializeSeed<'de> for Message {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let entity = self.entity();
        loop {
            match map.next_key()? {
                Some(Key(key)) if key == entity => break,
                Some(_) => drop(map.next_value::<IgnoredAny>()?),
                None => return Err(A::Error::missing_field(entity)),
            }
        }
        let event = match self.0 {
            "new-client" => Event::NewClient(map.next_value::<Exactly<_>>()?.0),
            "edit-client" => Event::EditClient(map.next_value::<Exactly<_>>()?.0),
            "delete-client" => Event::DeleteClient(map.next_value::<Exactly<_>>()?.0),
            "new-item" => Event::NewItem(map.next_value::<Exactly<_>>()?.0),
            "edit-item" => Event::EditItem(map.next_value::<Exactly<_>>()?.0),
            "delete-item" => Event::DeleteItem(map.next_value::<Exactly<_>>()?.0),
            "new-invoice" => Event::NewInvoice(map.next_value::<Exactly<_>>()?.0),
            "edit-invoice" => Event::EditInvoice(map.next_value::<Exactly<_>>()?.0),
            "delete-invoice" => Event::DeleteInvoice(map.next_value::<Exactly<_>>()?.0),
            "new-bill" => Event::NewBill(map.next_value::<Exactly<_>>()?.0),
            "edit-bill" => Event::EditBill(map.next_value::<Exactly<_>>()?.0),
            "delete-bill" => Event::DeleteBill(map.next_value::<Exactly<_>>()?.0),
            _ => return Err(A::Error::custom("an unknown subject")),
        };
        while let Some(Key(key)) = map.next_key()? {
            if key == entity {
                return Err(A::Error::duplicate_field(entity));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(event)
    }
}

/// Reads a body that the one pass did not take. Refuses only what is no JSON object or names no
/// subject.
#[cold]
fn step_by_step(text: &str) -> Result<Event, Rejection> {
    let containers = envelope::check(text)?;
    let [subject, message] = envelope::fields(text, [&["subject"], &["message"]])?;
    let text = envelope::routing(&subject, NO_SUBJECT)?;
    let Some(subject) = event::subject(&text) else {
        return Ok(Event::Unknown(Unknown { subject: text }));
    };
    let mut path = "message".to_owned();
    let mut id = None;
    if let Some(raw) = envelope::only(&message) {
        let message = Message(subject);
        if containers <= MAX_CONTAINERS {
            // `serde_json` has the last word.
            let read = message.deserialize(&mut serde_json::Deserializer::from_str(raw));
            if let Ok(event) = read {
                return Ok(event);
            }
            let within = envelope::misfit(raw, message);
            if !within.is_empty() {
                path = format!("message.{within}");
            }
        }
        id = object_id(raw, message.entity());
    }
    let subject = subject.to_owned();
    Ok(Event::Drifted(Drifted { subject, path, id }))
}

/// The object's id, whatever else does not fit.
fn object_id(message: &str, entity: &str) -> Option<Id> {
    let [object] = envelope::fields(message, [&[entity]]).ok()?;
    let [id] = envelope::fields(envelope::only(&object)?, [&["id"]]).ok()?;
    serde_json::from_str(envelope::only(&id)?).ok()
}

impl<'de> Deserialize<'de> for Event {
    /// Reads what [`Serialize`](serde::Serialize) wrote, from [JSON text](crate::alegra#as-json) only.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match serde_json::from_str::<Exactly<Drifted>>(raw) {
            Ok(Exactly(it)) if event::subject(&it.subject).is_some() => Ok(Self::Drifted(it)),
            _ => decode(raw.as_bytes()).map_err(D::Error::custom),
        }
    }
}
