//! From a body to an event: in one pass where all fits, else by looking for what does not.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};

use super::{
    event::{Drifted, Event, Unknown},
    subject::{Entity, Subject},
};
use crate::{
    json::{
        envelope::{self, RoutingSentences},
        lenient::expected,
        misfit,
        objects::Object,
        raw::Raw,
        reader,
        scan::MAX_CONTAINERS,
        text::Text,
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
    let mut event = None;
    if reader::read(text, Envelope(&mut event)).is_err() {
        // Not held while the body is read again.
        event = None;
    }
    match event {
        Some(event) => Ok(event),
        None => step_by_step(text),
    }
}

/// Reads a body into the event. In its place rather than as a result: an invoice is large, and would
/// be moved once for each level of the body.
struct Envelope<'a>(&'a mut Option<Event>);

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Subject,
    Message,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(event) = self;
        let mut subject: Option<Result<Subject, Unknown>> = None;
        let mut has_message = false;
        let mut unread: Option<&str> = None;
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
                        None => unread = Some(map.next_value_seed(Raw)?),
                        Some(Ok(subject)) => map.next_value_seed(Message { subject, event })?,
                        Some(Err(_)) => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Key::Subject | Key::Message => return Err(expected("each field once")),
                Key::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        match (subject, unread) {
            (Some(Err(unknown)), _) => *event = Some(Event::Unknown(unknown)),
            (Some(Ok(subject)), Some(raw)) => {
                reader::read(raw, Message { subject, event }).map_err(A::Error::custom)?;
            }
            (Some(Ok(_)), None) => {}
            (None, _) => return Err(expected("a subject")),
        }
        Ok(())
    }
}

/// The message of a known subject: an object whose one key of interest is the entity.
struct Message<'a> {
    subject: Subject,
    event: &'a mut Option<Event>,
}

impl<'de> DeserializeSeed<'de> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { subject, event } = self;
        while let Some(key) = map.next_key_seed(Text)? {
            if key != subject.entity.key() {
                map.next_value::<IgnoredAny>()?;
            } else if event.is_some() {
                return Err(A::Error::duplicate_field(subject.entity.key()));
            } else {
                let mut put = |found| *event = Some(found);
                match subject.entity {
                    Entity::Client => {
                        map.next_value_seed(Object::new(|it| put(subject.client(it))))
                    }
                    Entity::Item => map.next_value_seed(Object::new(|it| put(subject.item(it)))),
                    Entity::Invoice => {
                        map.next_value_seed(Object::new(|it| put(subject.invoice(it))))
                    }
                    Entity::Bill => map.next_value_seed(Object::new(|it| put(subject.bill(it)))),
                }?;
            }
        }
        match event {
            Some(_) => Ok(()),
            None => Err(A::Error::missing_field(subject.entity.key())),
        }
    }
}

/// What is wrong with a body that the one pass did not take: refused is only what names no subject.
#[cold]
fn step_by_step(text: &str) -> Result<Event, Rejection> {
    let containers = envelope::containers(text)?;
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
    let mut event = None;
    let seed = Message {
        subject,
        event: &mut event,
    };
    let path = match (misfit::locate(message, seed), event) {
        (Ok(()), Some(event)) => return Ok(event),
        (Err(within), _) if !within.is_empty() => format!("message.{within}"),
        _ => "message".to_owned(),
    };
    Ok(drifted(subject, path, id(subject, message)))
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
    serde_json::from_str(id.only()?).ok()
}
