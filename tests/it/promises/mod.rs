//! The promises of `docs/DESIGN.md`, a file each. The bounds on memory (P4) are in
//! `tests/memory.rs` and `tests/memory_decoded.rs`; what must not leak (P6) is in `tests/log/`.

mod p01_one_answer_in_time;
mod p02_a_started_handler_finishes;
mod p03_no_false_success;
mod p05_no_panic;
mod p07_unknown_is_delivered;
mod p08_answers_pass_unchanged;
mod p09_shutdown_can_be_awaited;
mod p10_probe_while_saturated;
mod p11_secrets;
mod p12_readiness;
mod p13_late_is_never_silent;
#[cfg(feature = "signed")]
mod p14_strangers;
#[cfg(feature = "signed")]
mod p15_replays;
