//! From a body to an event: in one pass where all fits, else by looking for what does not.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    event::{Drifted, Event, Unknown, WrittenDrift},
    subject::{Entity, Subject},
};
use crate::{
    json::{
        envelope::{self, RoutingSentences},
        misfit,
        object::{Exactly, Key},
        reader::{Bail, MAX_CONTAINERS, Reader},
    },
    rejection::Rejection,
    scalar::Id,
};

const SUBJECT: RoutingSentences = RoutingSentences {
    missing: "the field `subject` is missing",
    doubled: "the field `subject` stands there twice",
    not_text: "the field `subject` is not text",
};

pub(super) fn decode(body: &[u8]) -> Result<Event, Rejection> {
    let text = envelope::text(body)?;
    match in_one_pass(text) {
        Ok(event) => Ok(event),
        Err(_) => step_by_step(text),
    }
}

fn in_one_pass(text: &str) -> Result<Event, Bail> {
    let mut reader = Reader::new(text);
    let mut fields = reader.object()?;
    let mut subject: Option<Cow<'_, str>> = None;
    let mut message = None;
    let mut event = None;
    while let Some(key) = fields.next_key_seed(Key)? {
        match &*key {
            "subject" if subject.is_none() => subject = Some(fields.next_value_seed(Key)?),
            "message" if message.is_none() && event.is_none() => {
                match subject.as_deref().and_then(Subject::parse) {
                    Some(subject) => event = Some(fields.next_value_seed(Message(subject))?),
                    None => message = Some(fields.reader.raw()?),
                }
            }
            "subject" | "message" => return Err(Bail::duplicate_field("subject or message")),
            _ => drop(fields.next_value::<IgnoredAny>()?),
        }
    }
    fields.leave()?;
    reader.end()?;
    if let Some(event) = event {
        return Ok(event);
    }
    let subject = subject.ok_or(Bail::missing_field("subject"))?;
    match Subject::parse(&subject) {
        Some(subject) => {
            let message = message.ok_or(Bail::missing_field("message"))?;
            Message(subject).deserialize(&mut Reader::new(message))
        }
        None => Ok(Event::Unknown(Unknown {
            subject: subject.into_owned(),
        })),
    }
}

/// The message of a known subject: an object whose one key of interest is the entity.
#[derive(Clone, Copy)]
struct Message(Subject);

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
        let Subject { verb, entity } = self.0;
        let mut event = None;
        while let Some(key) = map.next_key_seed(Key)? {
            if key != entity.key() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if event.is_some() {
                return Err(A::Error::duplicate_field(entity.key()));
            }
            event = Some(match entity {
                Entity::Client => {
                    let kinds = [Event::NewClient, Event::EditClient, Event::DeleteClient];
                    verb.of(kinds)(map.next_value_seed(Exactly::seed())?)
                }
                Entity::Item => {
                    let kinds = [Event::NewItem, Event::EditItem, Event::DeleteItem];
                    verb.of(kinds)(map.next_value_seed(Exactly::seed())?)
                }
                Entity::Invoice => {
                    let kinds = [Event::NewInvoice, Event::EditInvoice, Event::DeleteInvoice];
                    verb.of(kinds)(map.next_value_seed(Exactly::seed())?)
                }
                Entity::Bill => {
                    let kinds = [Event::NewBill, Event::EditBill, Event::DeleteBill];
                    verb.of(kinds)(map.next_value_seed(Exactly::seed())?)
                }
            });
        }
        event.ok_or_else(|| A::Error::missing_field(entity.key()))
    }
}

/// What is wrong with a body that the one pass did not take: refused is only what names no subject.
#[cold]
fn step_by_step(text: &str) -> Result<Event, Rejection> {
    let containers = envelope::check(text)?;
    let [subject, message] = envelope::fields(text, [&["subject"], &["message"]])?;
    let text = subject.routing(&SUBJECT)?;
    let Some(subject) = Subject::parse(&text) else {
        return Ok(Event::Unknown(Unknown { subject: text }));
    };
    let drifted = |path: String, id| {
        let subject = subject.as_str();
        Ok(Event::Drifted(Drifted { subject, path, id }))
    };
    let Some(message) = message.only() else {
        return drifted("message".to_owned(), None);
    };
    if containers > MAX_CONTAINERS {
        return drifted("message".to_owned(), id(subject, message));
    }
    // `serde_json` has the last word.
    if let Ok(event) =
        Message(subject).deserialize(&mut serde_json::Deserializer::from_str(message))
    {
        return Ok(event);
    }
    let path = match misfit::locate(message, Message(subject)) {
        within if within.is_empty() => "message".to_owned(),
        within => format!("message.{within}"),
    };
    drifted(path, id(subject, message))
}

/// The object's id, whatever else does not fit.
fn id(subject: Subject, message: &str) -> Option<Id> {
    let [object] = envelope::fields(message, [&[subject.entity.key()]]).ok()?;
    let [id] = envelope::fields(object.only()?, [&["id"]]).ok()?;
    serde_json::from_str(id.only()?).ok()
}

impl<'de> Deserialize<'de> for Event {
    /// Reads what [`Serialize`](serde::Serialize) wrote. Borrows from its input, so it works with
    /// `serde_json::from_str` and `from_slice` only.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if let Ok(WrittenDrift { subject, drifted }) = serde_json::from_str(raw) {
            if let Some(subject) = Subject::parse(&subject) {
                return Ok(Self::Drifted(Drifted {
                    subject: subject.as_str(),
                    path: drifted.path,
                    id: drifted.id,
                }));
            }
        }
        decode(raw.as_bytes()).map_err(D::Error::custom)
    }
}
