//! How to use the layer, one page for each topic. The [crate's page](crate) is the manual.
//!
//! The modules hold documentation only.

#[doc = include_str!("setup.md")]
pub mod setup {}

#[doc = include_str!("registration.md")]
pub mod registration {}

#[doc = include_str!("provider.md")]
pub mod provider {}

#[doc = include_str!("placement.md")]
pub mod placement {}

#[doc = include_str!("monitoring.md")]
pub mod monitoring {}

#[doc = include_str!("costs.md")]
pub mod costs {}
