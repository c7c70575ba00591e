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
pub mod exact;
pub mod floor;
mod handler;
pub mod json;
pub mod ours;
pub mod plain;
pub mod sent;
pub mod signed;

pub use self::handler::{PATH, SECRET, handle};
