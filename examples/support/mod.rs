//! What the examples share: everything but the server and the layers, which each of them shows.
//!
//! Settings come from the environment:
//!
//! | variable | what | default |
//! |---|---|---|
//! | `ADDR` | where to listen; port 0 takes a free one | `127.0.0.1:3000` |
//! | `WEBHOOK_SECRET` | the last segment of the URLs | 32 fresh hex characters |
//! | `HANDLER` | `ok`, `fail` (500), `panic` or `slow` (10 s) | `ok` |
//! | `PRINT` | `line`, or `json` for the whole typed event | `line` |
//! | `DEAD_LETTERS` | the file that keeps what failed, or `off` | `./dead-letters.jsonl` |
//!
//! Only the examples `axum` and `replay` read the last: `hyper` and `tonic` have no store, so a
//! failure of their handlers goes out to the provider.

// Each example uses its part of it.
#![allow(dead_code)]

pub(crate) mod curl;
pub(crate) mod describe;
pub(crate) mod desk;
pub(crate) mod letters;
pub(crate) mod log;
pub(crate) mod replay;
pub(crate) mod settings;
pub(crate) mod shown;
pub(crate) mod status;
pub(crate) mod stop;

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// Ends the process: with 2 and a sentence where it could not begin.
pub(crate) fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

/// `println!` for servers: a reader of stdout that has gone away is no reason to panic.
pub(crate) fn say(line: impl Display) {
    let _ = status::above(|| writeln!(io::stdout(), "{line}"));
}

/// The same for stderr.
pub(crate) fn tell(line: impl Display) {
    let _ = status::above(|| writeln!(io::stderr(), "{line}"));
}
