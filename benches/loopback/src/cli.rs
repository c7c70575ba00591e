//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::RangedU64ValueParser};
use humantime::Duration;

use crate::{payload::Payload, receiver::Receiver};

/// Webhook receivers side by side, under load over loopback
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure, keep the raw figures and print the table
    Run(Options),
    /// One short slice of each Rust receiver and payload; fails when one of them does
    Smoke,
    /// Install the receivers that are not Rust (needs npm and python3, and the internet)
    Install,
    /// Print the table of an earlier run
    Table {
        results: PathBuf,
        #[arg(long)]
        markdown: bool,
    },
    /// Draw an earlier run as SVG
    Plot { results: PathBuf, folder: PathBuf },
    /// Print what the benches in process left behind, as tables of ratios
    Medians {
        /// Where criterion keeps its figures: `target/criterion` of the crate
        folder: PathBuf,
    },
    /// Be one receiver: print its port, end with standard input
    #[command(hide = true)]
    Serve {
        receiver: Receiver,
        payload: Payload,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Give the load generator a core of its own, and the receivers the others
    #[arg(long)]
    pub(crate) pin: bool,

    /// How often each receiver has its turn
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub(crate) rounds: u32,

    /// How long a turn is measured
    #[arg(long, default_value = "500ms")]
    pub(crate) slice: Duration,

    /// How long each receiver that is not Rust is under load before the first round
    #[arg(long, default_value = "1s")]
    pub(crate) warm_up: Duration,

    /// Connections, each with one request under way; receivers that are not Rust take part in the first
    #[arg(long, value_delimiter = ',', default_values_t = [32, 1, 256],
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub(crate) connections: Vec<usize>,

    /// What is sent; everything unless told
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) payloads: Vec<Payload>,

    /// Who receives; everybody who is installed unless told
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) receivers: Vec<Receiver>,

    /// Where the raw figures are kept [default: results/<date>.json in this package]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}
