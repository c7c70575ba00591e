//! One request: how it is configured, what it is answered and when, what its handler gets.

mod config;
mod contract;
mod deadline;
mod dropped;
mod hang_up;
mod providers;
mod public_types;
mod record;
mod table;
