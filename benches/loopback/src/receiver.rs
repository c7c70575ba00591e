//! Who receives.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::foreign::Foreign;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Receiver {
    Floor,
    Json,
    ByHand,
    ByHandPlain,
    Layer,
    Fastify,
    Fastapi,
}

impl Receiver {
    pub(crate) const ALL: [Self; 7] = [
        Self::Floor,
        Self::Json,
        Self::ByHand,
        Self::ByHandPlain,
        Self::Layer,
        Self::Fastify,
        Self::Fastapi,
    ];
    pub(crate) const RUST: [Self; 5] = [
        Self::Floor,
        Self::Json,
        Self::ByHand,
        Self::ByHandPlain,
        Self::Layer,
    ];

    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Json => "json",
            Self::ByHand => "by-hand",
            Self::ByHandPlain => "by-hand-plain",
            Self::Layer => "layer",
            Self::Fastify => "fastify",
            Self::Fastapi => "fastapi",
        }
    }

    /// As a person reads it. The letters are those of the bench `receive`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Floor => "(a') floor, in a task",
            Self::Json => "(b) timeout, limit, Json",
            Self::ByHand => "(c) by hand, same guarantees",
            Self::ByHandPlain => "(c') by hand, plain structs",
            Self::Layer => "(d) layer, axum extractor",
            Self::Fastify => "Fastify",
            Self::Fastapi => "FastAPI, uvicorn",
        }
    }

    /// Where no letters are explained.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Floor => "nothing but a task",
            Self::Json => "axum Json, timeout, limit",
            Self::ByHand => "by hand, same guarantees",
            Self::ByHandPlain => "by hand, plain structs",
            Self::Layer => "tower-webhook",
            Self::Fastify => "Fastify",
            Self::Fastapi => "FastAPI, uvicorn",
        }
    }

    /// Whether it is compiled while it runs: it is warmed up once and stays, where the others begin
    /// anew each turn.
    pub(crate) fn warms_up(self) -> bool {
        self.foreign().is_some()
    }

    /// Which of those that are not Rust it is.
    pub(crate) fn foreign(self) -> Option<Foreign> {
        match self {
            Self::Floor | Self::Json | Self::ByHand | Self::ByHandPlain | Self::Layer => None,
            Self::Fastify => Some(Foreign::Fastify),
            Self::Fastapi => Some(Foreign::Fastapi),
        }
    }
}
