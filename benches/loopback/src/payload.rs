//! What is sent.

use bytes::Bytes;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::contenders::{PATH, bodies};

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payload {
    Client,
    Invoice,
    #[serde(rename = "invoice-100kb")]
    #[value(name = "invoice-100kb")]
    LongInvoice,
    Bsale,
}

impl Payload {
    pub(crate) const ALL: [Self; 4] = [Self::Client, Self::Invoice, Self::LongInvoice, Self::Bsale];

    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Invoice => "invoice",
            Self::LongInvoice => "invoice-100kb",
            Self::Bsale => "bsale",
        }
    }

    /// As a person reads it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::LongInvoice => "invoice of 100 KB",
            short => short.name(),
        }
    }

    /// The event by which the receivers that are not Rust choose a schema.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::LongInvoice => "invoice",
            short => short.name(),
        }
    }

    /// The request as it goes over the wire.
    pub(crate) fn request(self) -> Vec<u8> {
        let body = self.body();
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\n\
             host: 127.0.0.1\r\n\
             user-agent: loopback\r\n\
             content-type: application/json\r\n\
             content-length: {}\r\n\
             \r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        request
    }

    fn body(self) -> Bytes {
        match self {
            Self::Client => bodies::CLIENT.into(),
            Self::Invoice => bodies::INVOICE.into(),
            Self::LongInvoice => bodies::invoice(100_000),
            Self::Bsale => bodies::NOTICE.into(),
        }
    }
}
