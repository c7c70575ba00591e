//! From a body to an event: in one pass where all fits, else by looking for what does not.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use super::{
    event::{Drifted, Event, Unknown},
    notification::Notification,
    topic::{Action, Topic},
};
use crate::{
    json::{
        envelope,
        lenient::{Scalar, scalar},
        reader::{MAX_CONTAINERS, Reader},
        token::Exactly,
    },
    rejection::Rejection,
};

const NO_TOPIC: [&str; 3] = [
    "the field `topic` is missing",
    "the field `topic` occurs twice",
    "the field `topic` is not text",
];

pub(super) fn decode(body: &[u8]) -> Result<Event, Rejection> {
    let text = envelope::text(body)?;
    let mut reader = Reader::new(text, MAX_CONTAINERS);
    match Exactly::deserialize(&mut reader) {
        Ok(Exactly(notification)) if reader.end().is_ok() => Ok(Event::Notification(notification)),
        _ => step_by_step(text),
    }
}

/// Reads a body that the one pass did not take. Refuses only what is no JSON object or names no topic.
#[cold]
fn step_by_step(text: &str) -> Result<Event, Rejection> {
    envelope::check(text)?;
    let names: [&[&str]; 6] = [
        &["topic"],
        &["action"],
        &["cpnId", "cpnID"],
        &["resource"],
        &["resourceId", "resourceID"],
        &["send"],
    ];
    let [topic, action, cpn_id, resource, resource_id, send] = envelope::fields(text, names)?;
    let topic = envelope::routing(&topic, NO_TOPIC)?;
    let action = string(&action);
    let is_new_action = action
        .as_ref()
        .is_some_and(|action| Action::parse(action).is_none());

    Ok(match Topic::parse(&topic) {
        // `serde_json` has the last word; it takes any number of objects and arrays, since nothing of
        // them is kept.
        Some(topic) if !is_new_action => match serde_json::from_str(text) {
            Ok(notification) => Event::Notification(notification),
            Err(_) => Event::Drifted(Drifted {
                topic,
                path: envelope::misfit(text, PhantomData::<Exactly<Notification>>),
                cpn_id: read(&cpn_id),
                resource_id: read(&resource_id),
            }),
        },
        // A topic of which nothing is known, or a known one to which something new was done.
        _ => Event::Unknown(Unknown {
            topic,
            action,
            cpn_id: read(&cpn_id),
            resource: string(&resource),
            resource_id: read(&resource_id),
            send: read(&send),
        }),
    })
}

fn read<T: Scalar>(values: &[&str]) -> Option<T> {
    let raw = envelope::only(values)?;
    scalar(&mut serde_json::Deserializer::from_str(raw)).ok()
}

fn string(values: &[&str]) -> Option<String> {
    serde_json::from_str(envelope::only(values)?).ok()
}

impl<'de> Deserialize<'de> for Event {
    /// Reads what [`Serialize`](serde::Serialize) wrote, from [JSON text](crate::bsale#as-json) only.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match serde_json::from_str(raw) {
            Ok(Exactly(drifted)) => Ok(Self::Drifted(drifted)),
            Err(_) => decode(raw.as_bytes()).map_err(D::Error::custom),
        }
    }
}
