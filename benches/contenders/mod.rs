//! The receivers that are measured side by side, in process by the benches and over loopback by the
//! package `loopback`, so that both speak of the same code.
//!
//! Each is a service for `Request<axum::body::Body>` that hands the event to a handler, and every
//! handler does the same: it looks at the event's id and answers `204 No Content`.

#![allow(dead_code, unreachable_pub)] // Each bench uses a part of it.

pub mod bare;
pub mod bodies;
pub mod by_hand;
pub mod driver;
pub mod floor;
pub mod json;
pub mod ours;
pub mod plain;
pub mod sent;
pub mod signed;

use http::StatusCode;

/// The last segment of the URL, for those who have one.
pub const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

/// Where the receivers with a router listen.
pub const PATH: &str = "/webhooks/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

/// What a handler does with an event, whoever decoded it.
pub fn handle(id: &str) -> StatusCode {
    std::hint::black_box(id);
    StatusCode::NO_CONTENT
}
