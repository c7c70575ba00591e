//! The receivers that the benches compare. `receive`, `allocations` and the package in `loopback`
//! share this code.
//!
//! Every handler looks at the event's id and answers `204 No Content`.

#![allow(dead_code, unreachable_pub)] // Each program uses a part of it.

pub mod by_hand;
pub mod exact;
pub mod floor;
pub mod json;
pub mod ours;
pub mod plain;

use http::StatusCode;

/// The last segment of [`PATH`].
pub const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

/// The URL's path that every router serves.
pub const PATH: &str = "/webhooks/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

/// The body of every handler.
pub fn handle(id: &str) -> StatusCode {
    std::hint::black_box(id);
    StatusCode::NO_CONTENT
}
