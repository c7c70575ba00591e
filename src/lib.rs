#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    unnameable_types,
    clippy::print_stdout,
    clippy::unwrap_used
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod error;
mod layer;
mod service;

mod access;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the service still reads bodies the old way")
)]
mod collect;
mod head;

mod future;
mod request;

mod provider;

mod delivery;
mod handler;

mod dead_letter;
mod deadline;
mod record;
mod replay;

mod rejection;
mod response;

mod background;
mod clock;
mod journal;
mod metrics;
mod observers;
mod outcome;
mod pace;
mod panic;
mod reporter;
mod strikes;
mod trace;

#[cfg(feature = "axum")]
mod extract;

mod json;
mod scalar;

pub mod alegra;
pub mod bsale;

pub use self::{
    access::{Access, Admission, Secret},
    background::Background,
    dead_letter::{DeadLetter, DeadLetters, JsonLines, JsonLinesError, JsonLinesOptions, Letters},
    delivery::Delivery,
    error::ConfigError,
    future::ResponseFuture,
    layer::WebhookLayer,
    outcome::{LetterReason, Outcome, OutcomeKind},
    provider::{Event, Provider, Received, Rules},
    record::Record,
    rejection::{Rejection, RejectionKind},
    replay::{Replay, ReplayFuture, Unmarked},
    request::body::RequestBody,
    response::{body::ResponseBody, failed::Failed, late::Late},
    scalar::{Amount, Date, Id, ParseAmountError, RawJson},
    service::Webhook,
    strikes::{EventStrikes, Strikes},
};
#[cfg(feature = "axum")]
pub use extract::MissingDelivery;
