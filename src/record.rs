use std::{borrow::Cow, fmt, time::SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{clock, kept_head::KeptHead};

/// The format of records and dead letters. Another format gets another number.
pub(crate) const VERSION: u32 = 1;

/// A delivery in its owned form, for queues and files: its metadata and the raw body. Made by
/// `Record::from(&delivery)`.
///
/// It holds no decoded event, so nothing of the delivery is lost or changed on the way. The same
/// provider reads it again, see [`Webhook::replay`](crate::Webhook::replay). Of the request's head it
/// keeps what the provider's [`Rules`](crate::Rules) name, and the content type.
///
/// It serializes as a versioned object. The body is text, or base64 if it is not UTF-8. [`Debug`]
/// prints nothing of the body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(deserialize_with = "version")]
    pub(crate) version: u32,
    pub(crate) provider: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<Box<str>>,
    pub(crate) event: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key: Option<Box<str>>,
    pub(crate) received_at_ms: u64,
    #[serde(flatten)]
    pub(crate) head: KeptHead,
    #[serde(flatten, serialize_with = "write_body", deserialize_with = "read_body")]
    pub(crate) body: Bytes,
}

impl Record {
    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// [`Delivery::tenant`](crate::Delivery::tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event: one of the provider's known names, or `"other"`.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// What the sender called the kind of event: the same as [`event`](Self::event), unless that is
    /// `"other"`. Then it is escaped, and cut after 64 characters.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or(&self.event)
    }

    /// The first value of a header, of those that the record [keeps](crate::Rules::keep_headers).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.headers.iter();
        headers.find_map(|(kept, value)| kept.eq_ignore_ascii_case(name).then_some(&**value))
    }

    /// The query, if the record [keeps](crate::Rules::keep_query) it.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.query.as_deref()
    }

    /// The id of the object that the event is about.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// [`Delivery::idempotency_key`](crate::Delivery::idempotency_key). Never drop a record without
    /// one as a duplicate.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// When the body was read, to the millisecond.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        clock::from_epoch_ms(self.received_at_ms)
    }

    /// The body as it arrived, byte for byte.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// A body that is no event.
    pub(crate) fn undecoded(
        provider: &str,
        tenant: Option<&str>,
        head: KeptHead,
        body: Bytes,
    ) -> Self {
        Self {
            version: VERSION,
            provider: provider.into(),
            tenant: tenant.map(Into::into),
            event: "other".into(),
            kind: None,
            id: None,
            idempotency_key: None,
            received_at_ms: clock::epoch_ms(SystemTime::now()),
            head,
            body,
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("provider", &self.provider)
            .field("tenant", &self.tenant)
            .field("event", &self.event)
            .field("len", &self.body.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::custom(format_args!(
            "the format is of version {other}; this release reads version {VERSION}"
        ))),
    }
}

/// A body is in one of these two fields.
#[derive(Serialize, Deserialize)]
struct WrittenBody<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<Cow<'a, str>>,
}

fn write_body<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let (body, body_base64) = match std::str::from_utf8(body) {
        Ok(text) => (Some(text.into()), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(body).into())),
    };
    WrittenBody { body, body_base64 }.serialize(serializer)
}

fn read_body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let WrittenBody { body, body_base64 } = WrittenBody::deserialize(deserializer)?;
    match (body, body_base64) {
        (Some(text), None) => Ok(text.into_owned().into()),
        (None, Some(text)) => BASE64_STANDARD
            .decode(&*text)
            .map(Bytes::from)
            .map_err(|_| D::Error::custom("the field `body_base64` is not base64")),
        _ => Err(D::Error::custom(
            "a record has either a `body` or a `body_base64`",
        )),
    }
}
