//! The service beside its limits and beside what people would use instead: one table.
//!
//! `cargo bench --bench load [-- ROW…] [--short] [--markdown | --json]`; `docs/performance.md` says how to
//! read it. Starts the real binary with a store on a real disk, makes signed callbacks, answers its REST
//! calls. Machines differ and are noisy: read the ratios, which come from the same minute.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

#[path = "../../tests/shared/addresses.rs"]
mod addresses;
mod callbacks;
mod generate;
mod hand_written;
mod http;
mod machine;
#[path = "../rules/mixes.rs"]
mod mixes;
mod plot;
mod rival;
mod rows;
mod scene;
mod seed;
mod servers;
mod sink;
mod table;
mod windows;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use groupkeeper::clock::{Clock, SystemClock, Timestamp};

use rows::Rows;
use table::{Form, Row, render};

/// What stands around the table in the page.
const TABLE: (&str, &str) = ("<!-- the table: `--write` puts it here -->", "<!-- until here -->");

/// What is measured, and how.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    rival: Option<Own>,
    /// Only these rows; all of them otherwise
    rows: Vec<Rows>,
    /// A second or less for each: whether it still works, not how fast it is
    #[arg(long)]
    short: bool,
    /// Write the table for a page
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Put the table and the plots into `docs/performance.md`; only where all rows are measured in full
    #[arg(long, conflicts_with_all = ["rows", "short"])]
    write: bool,
    /// Write the table for a program
    #[arg(long)]
    json: bool,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Where stores are made: on a disk, not in memory
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Do not install and measure bots written in JavaScript and Python
    #[arg(long)]
    no_install: bool,
    /// The service to be measured, if it is not the one built with this
    #[arg(long, default_value = env!("CARGO_BIN_EXE_groupkeeper"))]
    binary: PathBuf,
    /// Only compare that build with this one, in turns of a second: what the ratio says is how many times as
    /// much processor time the other one takes
    #[arg(long, conflicts_with_all = ["rows", "write"])]
    beside: Option<PathBuf>,
    /// Do not share out the processors
    #[arg(long)]
    unpinned: bool,
    /// `cargo bench` says so
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Own {
    /// Be one of the servers to compare with
    #[command(hide = true)]
    Rival { rival: rival::Rival, address: SocketAddr, chat: SocketAddr, folder: PathBuf },
}

/// How long and where everything is measured.
#[derive(Clone)]
pub struct Scale {
    pub short: bool,
    pub install: bool,
    /// One measurement.
    pub time: Duration,
    /// Whether plots are drawn.
    pub plots: bool,
    /// How often measurements of rivals alternate; the median counts.
    pub turns: usize,
    folder: PathBuf,
}

impl Scale {
    /// A new folder for a store.
    pub fn folder(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(&self.folder).unwrap()
    }

    /// `full`, or a hundredth of it.
    pub fn count(&self, full: usize) -> usize {
        if self.short { full / 100 } else { full }
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(Own::Rival { rival, address, chat, folder }) = arguments.rival {
        return rival::serve(rival, address, chat, folder);
    }
    machine::pin(!arguments.unpinned);
    servers::measure(arguments.binary);
    let scale = Scale {
        short: arguments.short,
        install: !arguments.no_install && !arguments.short,
        time: Duration::from_secs_f64(if arguments.short { 0.5 } else { arguments.seconds }),
        plots: arguments.write,
        turns: if arguments.short { 1 } else { 3 },
        folder: arguments.folder,
    };
    let wanted = match arguments.rows.is_empty() && arguments.beside.is_none() {
        true => Rows::ALL.to_vec(),
        false => arguments.rows,
    };
    let mut table: Vec<Row> = Vec::new();
    if let Some(other) = &arguments.beside {
        table = rows::builds::rows(&scale, other);
    }
    for rows in wanted {
        eprintln!("{} …", rows.name());
        table.extend(rows.measure(&scale));
    }
    let form = match (arguments.markdown, arguments.json) {
        (true, _) => Form::Markdown,
        (_, true) => Form::Json,
        _ => Form::Text,
    };
    let machine = machine::describe();
    print!("{}", render(&table, &machine, form));
    if arguments.write {
        put(&render(&table, &machine, Form::Markdown));
    }
}

/// Puts the table where the last one stands.
fn put(table: &str) {
    let page = documentation().join("performance.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(TABLE.0).unwrap();
    let (_, after) = rest.split_once(TABLE.1).unwrap();
    let (begin, end) = TABLE;
    std::fs::write(page, format!("{before}{begin}\n{table}{end}{after}")).unwrap();
}

/// The service's own clock: what a store is filled with is dated by it.
pub fn now() -> Timestamp {
    SystemClock::default().now()
}

/// Where plots are written: the documentation of this repository.
pub fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}
