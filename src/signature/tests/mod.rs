#![allow(clippy::unwrap_used)]

mod handshakes;
mod keys;
mod samples;
mod schemes;
mod texts;
