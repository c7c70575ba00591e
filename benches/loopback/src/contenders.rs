//! The code of the in-process benches, as far as it is put under load: their other modules need crates
//! that this package does without.

#![allow(dead_code, unreachable_pub)]

#[path = "../../contenders/bodies.rs"]
pub mod bodies;
#[path = "../../contenders/by_hand.rs"]
pub mod by_hand;
#[path = "../../contenders/exact.rs"]
pub mod exact;
#[path = "../../contenders/floor.rs"]
pub mod floor;
#[path = "../../contenders/handler.rs"]
mod handler;
#[path = "../../contenders/json.rs"]
pub mod json;
#[path = "../../contenders/ours.rs"]
pub mod ours;
#[path = "../../contenders/plain.rs"]
pub mod plain;

pub use self::handler::{PATH, SECRET, handle};
