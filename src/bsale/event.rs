use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    notification::Notification,
    topic::{Action, Topic},
};
use crate::{json::token::Object, provider, scalar::Id};

/// An event of Bsale.
///
/// A notice serializes into the flat object that Bsale sends, without the user's token. For a queue
/// take the [`Record`](crate::Record), which holds the raw body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Event {
    /// A notice of a known topic.
    Notification(Notification),
    /// A topic, or something done to a resource, that this crate does not know.
    Unknown(Unknown),
    /// A topic that this crate knows, with content that no longer fits its types.
    Drifted(Drifted),
}

/// A notice of an unknown topic or action. Each field is there where it could be read; the body is
/// in [`Delivery::raw`](crate::Delivery::raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Unknown {
    /// The topic, as it was sent: anybody's text of any length.
    pub topic: String,
    /// The action, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpn_id: Option<u64>,
    /// The resource, as it was sent. Build no URL from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The resource's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Id>,
    /// When the notice was sent, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<u64>,
}

/// A notice whose content does not fit. The body is in [`Delivery::raw`](crate::Delivery::raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Drifted {
    /// The topic.
    pub topic: Topic,
    /// Where in the body the first misfit is: `resourceId`. Written as `drifted`.
    #[serde(rename = "drifted")]
    pub path: String,
    /// The company, where it could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpn_id: Option<u64>,
    /// The resource's id, where it could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Id>,
}

impl Object<'_> for Drifted {}

impl Event {
    /// The topic, as Bsale writes it.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::Notification(notification) => notification.topic.as_str(),
            Self::Unknown(unknown) => &unknown.topic,
            Self::Drifted(drifted) => drifted.topic.as_str(),
        }
    }

    /// The company, the key of the tenant, where it could be read.
    #[doc(alias = "empresa")]
    #[must_use]
    pub fn cpn_id(&self) -> Option<u64> {
        match self {
            Self::Notification(notification) => Some(notification.cpn_id),
            Self::Unknown(unknown) => unknown.cpn_id,
            Self::Drifted(drifted) => drifted.cpn_id,
        }
    }
}

impl provider::Event for Event {
    /// The topic.
    fn name(&self) -> &str {
        Topic::parse(self.topic()).map_or(self.topic(), |topic| topic.as_str())
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        let id = match self {
            Self::Notification(notification) => &notification.resource_id,
            Self::Unknown(unknown) => unknown.resource_id.as_ref()?,
            Self::Drifted(drifted) => drifted.resource_id.as_ref()?,
        };
        Some(id.as_str().into())
    }

    /// `cpnId:topic:action:resource:send`; without `send` there is none.
    ///
    /// `send` counts seconds, so two true changes within one look alike. That is harmless if the
    /// resource is read again after the last copy has come.
    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        let (action, resource, send) = match self {
            Self::Notification(it) => (it.action.as_str(), &it.resource, it.send?),
            Self::Unknown(it) => {
                let action = it.action.as_deref()?;
                let action = Action::parse(action).map_or(action, |known| known.as_str());
                (action, it.resource.as_ref()?, it.send?)
            }
            // What cannot be read whole cannot be recognised.
            Self::Drifted(_) => return None,
        };
        let (topic, cpn_id) = (self.topic(), self.cpn_id()?);
        if topic.contains(':') || action.contains(':') {
            return None;
        }
        Some(format!("{cpn_id}:{topic}:{action}:{resource}:{send}").into())
    }
}
