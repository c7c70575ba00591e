//! Who receives.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::foreign::Foreign;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Receiver {
    Json,
    ByHand,
    Layer,
    Fastify,
    Fastapi,
}

impl Receiver {
    pub(crate) const ALL: [Self; 5] = [
        Self::Json,
        Self::ByHand,
        Self::Layer,
        Self::Fastify,
        Self::Fastapi,
    ];
    pub(crate) const RUST: [Self; 3] = [Self::Json, Self::ByHand, Self::Layer];

    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::ByHand => "by-hand",
            Self::Layer => "layer",
            Self::Fastify => "fastify",
            Self::Fastapi => "fastapi",
        }
    }

    /// As a person reads it. The letters are those of the bench `receive`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Json => "(b) timeout, limit, Json",
            Self::ByHand => "(c) by hand, same guarantees",
            Self::Layer => "(d) layer, axum extractor",
            Self::Fastify => "Fastify",
            Self::Fastapi => "FastAPI, uvicorn",
        }
    }

    /// Where no letters are explained.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Json => "axum Json, timeout, limit",
            Self::ByHand => "by hand, same guarantees",
            Self::Layer => "tower-webhook",
            Self::Fastify => "Fastify",
            Self::Fastapi => "FastAPI, uvicorn",
        }
    }

    /// Which of those that are not Rust it is.
    pub(crate) fn foreign(self) -> Option<Foreign> {
        match self {
            Self::Json | Self::ByHand | Self::Layer => None,
            Self::Fastify => Some(Foreign::Fastify),
            Self::Fastapi => Some(Foreign::Fastapi),
        }
    }
}
