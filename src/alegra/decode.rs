//! From a body to an event: in one pass where all fits, else by looking for what does not.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    event::{Drifted, Event, Unknown},
    subject::{Entity, Subject},
};
use crate::{
    json::{
        envelope::{self, RoutingSentences},
        lenient::{Scalar, expected},
        misfit,
        objects::Object,
        scan::MAX_CONTAINERS,
        text::Text,
        token::Token,
    },
    provider::Refusal,
    scalar::Id,
};

const SUBJECT: RoutingSentences = RoutingSentences {
    missing: "the field `subject` is missing",
    doubled: "the field `subject` stands there twice",
    not_text: "the field `subject` is not text",
};

pub(super) fn decode(body: &[u8]) -> Result<Event, Refusal> {
    let (text, containers) = envelope::text(body)?;
    if containers <= MAX_CONTAINERS {
        if let Ok(event) = in_one_pass(text) {
            return Ok(event);
        }
    }
    step_by_step(text, containers)
}

fn in_one_pass(text: &str) -> Result<Event, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let event = deserializer.deserialize_map(Envelope)?;
    deserializer.end()?;
    Ok(event)
}

struct Envelope;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Subject,
    Message,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for Envelope {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut subject: Option<Result<Subject, Unknown>> = None;
        let mut has_message = false;
        let mut event: Option<Event> = None;
        let mut unread: Option<&RawValue> = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Subject if subject.is_none() => {
                    let text = map.next_value_seed(Text)?;
                    subject = Some(Subject::parse(&text).ok_or_else(|| Unknown {
                        subject: text.into_owned(),
                    }));
                }
                Key::Message if !has_message => {
                    has_message = true;
                    match subject {
                        None => unread = Some(map.next_value()?),
                        Some(Ok(subject)) => event = Some(map.next_value_seed(MessageOf(subject))?),
                        Some(Err(_)) => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Key::Subject | Key::Message => return Err(expected("each field once")),
                Key::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        match (subject, event, unread) {
            (Some(Err(unknown)), _, _) => Ok(Event::Unknown(unknown)),
            (Some(Ok(_)), Some(event), _) => Ok(event),
            (Some(Ok(subject)), None, Some(raw)) => {
                read_message(subject, raw.get()).map_err(A::Error::custom)
            }
            _ => Err(expected("a subject and a message")),
        }
    }
}

/// The message of a known subject: an object whose one key of interest is the entity.
struct MessageOf(Subject);

impl<'de> DeserializeSeed<'de> for MessageOf {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageOf {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let Self(subject) = self;
        let mut event = None;
        while let Some(key) = map.next_key_seed(Text)? {
            if key != subject.entity.key() {
                map.next_value::<IgnoredAny>()?;
            } else if event.is_some() {
                return Err(A::Error::duplicate_field(subject.entity.key()));
            } else {
                event = Some(match subject.entity {
                    Entity::Client => subject.client(map.next_value_seed(Object::new())?),
                    Entity::Item => subject.item(map.next_value_seed(Object::new())?),
                    Entity::Invoice => subject.invoice(map.next_value_seed(Object::new())?),
                    Entity::Bill => subject.bill(map.next_value_seed(Object::new())?),
                });
            }
        }
        event.ok_or_else(|| A::Error::missing_field(subject.entity.key()))
    }
}

fn read_message(subject: Subject, message: &str) -> Result<Event, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(message);
    MessageOf(subject).deserialize(&mut deserializer)
}

/// What is wrong with a body that the one pass did not take: refused is only what names no subject.
fn step_by_step(text: &str, containers: usize) -> Result<Event, Refusal> {
    let [subject, message] = envelope::fields(text, ["subject", "message"])?;
    let text = subject.routing(&SUBJECT)?;
    let Some(subject) = Subject::parse(&text) else {
        return Ok(Event::Unknown(Unknown { subject: text }));
    };
    let Some(message) = message.only() else {
        return Ok(drifted(subject, "message".to_owned(), None));
    };
    if containers > MAX_CONTAINERS {
        return Ok(drifted(subject, "message".to_owned(), id(subject, message)));
    }
    Ok(
        misfit::locate(message, MessageOf(subject)).unwrap_or_else(|within| {
            let path = if within.is_empty() {
                "message".to_owned()
            } else {
                format!("message.{within}")
            };
            drifted(subject, path, id(subject, message))
        }),
    )
}

fn drifted(subject: Subject, path: String, id: Option<Id>) -> Event {
    Event::Drifted(Drifted {
        subject: subject.as_str(),
        path,
        id,
    })
}

/// The object's id, whatever else does not fit.
fn id(subject: Subject, message: &str) -> Option<Id> {
    let [object] = envelope::fields(message, [subject.entity.key()]).ok()?;
    let [id] = envelope::fields(object.only()?, ["id"]).ok()?;
    Id::read(Token::of(id.only()?)).ok()
}
