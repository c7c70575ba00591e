//! All tests that can share a process. What needs one of its own stands beside `it/`: counting every
//! byte (`memory.rs`, `memory_decoded.rs`), being killed (`killed.rs`), the process's log (`log/`).

mod util;

mod counts;
mod dead_letters;
mod payloads;
mod promises;
mod request;
#[cfg(feature = "signed")]
mod signed;
mod stacks;
