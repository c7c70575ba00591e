use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Record, base64};

/// A later format of another shape gets another number.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    version: u32,
    provider: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, str>>,
    event: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<Cow<'a, str>>,
    received_at_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<Cow<'a, str>>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (body, body_base64) = match std::str::from_utf8(&self.body) {
            Ok(text) => (Some(Cow::Borrowed(text)), None),
            Err(_) => (None, Some(Cow::Owned(base64::encode(&self.body)))),
        };
        Written {
            version: VERSION,
            provider: Cow::Borrowed(&self.provider),
            tenant: self.tenant.as_deref().map(Cow::Borrowed),
            event: Cow::Borrowed(&self.event),
            id: self.id.as_deref().map(Cow::Borrowed),
            idempotency_key: self.idempotency_key.as_deref().map(Cow::Borrowed),
            received_at_ms: self.received_at_ms,
            body,
            body_base64,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.version != VERSION {
            return Err(D::Error::custom(format_args!(
                "a record of version {}; this release reads version {VERSION}",
                written.version
            )));
        }
        let body = match (written.body, written.body_base64) {
            (Some(text), None) => Bytes::from(text.into_owned()),
            (None, Some(text)) => base64::decode(&text)
                .map(Bytes::from)
                .ok_or_else(|| D::Error::custom("the field `body_base64` is not base64"))?,
            _ => {
                return Err(D::Error::custom(
                    "a record has either a `body` or a `body_base64`",
                ));
            }
        };
        let owned = |text: Cow<'_, str>| text.into_owned().into_boxed_str();
        Ok(Self {
            provider: owned(written.provider),
            tenant: written.tenant.map(owned),
            event: owned(written.event),
            id: written.id.map(owned),
            idempotency_key: written.idempotency_key.map(owned),
            received_at_ms: written.received_at_ms,
            body,
        })
    }
}
