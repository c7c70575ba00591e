//! Receivers of webhooks under load over loopback. `README.md` says what is measured, and how.

mod cli;
mod contenders;
mod payload;
mod receiver;

mod serve;

mod foreign;
mod server;

mod answer;
mod latencies;
mod load;

mod cores;
mod cpu;
mod machine;
mod progress;
mod run;

mod results;
mod stats;
mod summary;

mod plot;
mod table;

mod medians;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use self::{cli::Command, foreign::Foreign, results::Results};

fn main() -> ExitCode {
    match command(cli::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(command: Command) -> Result<()> {
    match command {
        Command::Run(options) => run::run(&options),
        Command::Smoke => run::smoke(),
        Command::Install => Foreign::ALL.into_iter().try_for_each(Foreign::install),
        Command::Table { results, markdown } => table::print(&Results::read(&results)?, markdown),
        Command::Medians { folder } => medians::print(&folder),
        Command::Plot { results, folder } => plot::draw(&Results::read(&results)?, &folder),
        Command::Serve { receiver, payload } => serve::serve(receiver, payload),
    }
}
