//! Tells the library whether the standard library that it is built with can lock files, as it can
//! since Rust 1.89.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    println!("cargo::rustc-check-cfg=cfg(file_lock)");
    if minor().is_some_and(|minor| minor >= 89) {
        println!("cargo::rustc-cfg=file_lock");
    }
}

/// The 95 of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn minor() -> Option<u32> {
    let output = Command::new(env::var_os("RUSTC")?)
        .arg("--version")
        .output()
        .ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let version = line.strip_prefix("rustc 1.")?;
    version.split('.').next()?.parse().ok()
}
