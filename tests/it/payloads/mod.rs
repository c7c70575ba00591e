//! What the providers send, and what becomes of it (`docs/PAYLOADS.md`).

mod alegra;
mod bsale;
mod differential;
mod fields;
mod oddities;
mod samples;
