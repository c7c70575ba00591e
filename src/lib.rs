#![doc = include_str!("manual.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unnameable_types, clippy::print_stdout, clippy::unwrap_used)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod body;
mod config;
mod error;
mod head;
mod layer;
mod service;

mod collect;
mod receive;

mod delivery;
mod job;
mod policy;
mod provider;
mod supervise;

mod dead_letter;
mod kept_head;
mod record;
mod replay;

mod background;
mod clock;
mod metrics;
mod outcome;
mod panic;
mod rejection;
mod report;
mod shared;
mod strikes;
mod trace;

#[cfg(feature = "axum")]
mod extract;

mod json;
mod scalar;

#[cfg(feature = "signed")]
mod payload;

pub mod alegra;
pub mod bsale;
#[cfg(feature = "signed")]
pub mod github;
#[cfg(feature = "signed")]
pub mod meta;
#[cfg(feature = "signed")]
pub mod signature;
#[cfg(feature = "signed")]
pub mod standard_webhooks;

#[cfg(doc)]
pub mod guide;

/// Compiles the code of the README.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use self::{
    access::{Access, Admission, Secret, Secrets},
    background::Background,
    body::{RequestBody, ResponseBody},
    dead_letter::{DeadLetter, DeadLetters, JsonLines, JsonLinesError, JsonLinesOptions, Letters},
    delivery::Delivery,
    error::ConfigError,
    layer::WebhookLayer,
    outcome::{LetterReason, Outcome, OutcomeKind},
    policy::{Failed, Late},
    provider::{Event, Incoming, Provider, Received, Rules, Verified},
    record::Record,
    rejection::{Rejection, RejectionKind},
    replay::{Replay, Unmarked},
    scalar::{Amount, Date, Id, ParseAmountError, RawJson},
    service::{ResponseFuture, Webhook},
    strikes::{EventStrikes, Strikes},
};
#[cfg(feature = "axum")]
pub use extract::MissingDelivery;
#[cfg(feature = "signed")]
pub use payload::Payload;
