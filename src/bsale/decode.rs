//! From a body to an event: in one pass where all fits, else by looking for what does not.

use super::{
    event::{Drifted, Event, Unknown},
    notification::Number,
    topic::{Action, Topic},
};
use crate::{
    json::{
        envelope::{self, Field, RoutingSentences},
        misfit,
        objects::Object,
        reader::{self, Bail},
    },
    rejection::Rejection,
    scalar::Id,
};

const TOPIC: RoutingSentences = RoutingSentences {
    missing: "the field `topic` is missing",
    doubled: "the field `topic` stands there twice",
    not_text: "the field `topic` is not text",
};

pub(super) fn decode(body: &[u8]) -> Result<Event, Rejection> {
    let text = envelope::text(body)?;
    match reader::read(text, Object::new(Event::Notification)) {
        Ok(event) => Ok(event),
        Err(Bail) => step_by_step(text),
    }
}

/// What is wrong with a body that the one pass did not take: refused is only what names no topic.
#[cold]
fn step_by_step(text: &str) -> Result<Event, Rejection> {
    envelope::containers(text)?;
    let names = ["topic", "action", "cpnId", "resource", "resourceId", "send"];
    let [topic, action, cpn_id, resource, resource_id, send] = envelope::fields(text, names)?;
    let topic = topic.routing(&TOPIC)?;
    let cpn_id = number(cpn_id);
    let action = string(action);
    let is_new_action = action
        .as_deref()
        .is_some_and(|action| Action::parse(action).is_none());

    Ok(match Topic::parse(&topic) {
        Some(topic) if !is_new_action => {
            match misfit::locate(text, Object::new(Event::Notification)) {
                // More objects and arrays than the first pass takes: nothing is kept of them.
                Ok(event) => event,
                Err(path) => Event::Drifted(Drifted {
                    topic,
                    path,
                    cpn_id,
                    resource_id: id(resource_id),
                }),
            }
        }
        // A topic of which nothing is known, or a known one to which something new was done.
        _ => Event::Unknown(Unknown {
            topic,
            action,
            cpn_id,
            resource: string(resource),
            resource_id: id(resource_id),
            send: number(send),
        }),
    })
}

fn number(field: Field<'_>) -> Option<u64> {
    let Number(number) = serde_json::from_str(field.only()?).ok()?;
    Some(number)
}

fn id(field: Field<'_>) -> Option<Id> {
    serde_json::from_str(field.only()?).ok()
}

fn string(field: Field<'_>) -> Option<String> {
    serde_json::from_str(field.only()?).ok()
}
