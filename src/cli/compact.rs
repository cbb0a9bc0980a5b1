//! `groupkeeper compact`: the disk space of what has gone, given back.

use super::Exit;
use crate::authoring::recorded::Trouble;
use crate::store::{self, Compacted, SledStore};

#[derive(clap::Args)]
#[command(
    after_long_help = "`serve` measures the file when it starts and every hour; where it is over 64 MiB and more than \
                       four times as large as what lives in it, the next start does the same. The new file is \
                       written beside the old one and takes its place when it is whole: there must be space for both."
)]
pub(super) struct Arguments {
    /// The store of a stopped service, as `[store] url` names it
    #[arg(long, value_name = "URL", default_value = "sled:data")]
    store: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match compact(&arguments.store) {
        Ok(Compacted { before, after }) => {
            let store = &arguments.store;
            println!("{store}: {} MiB now, {} MiB before", mib(after), mib(before));
            Exit::Fine
        }
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

fn compact(url: &str) -> Result<Compacted, Trouble> {
    Ok(SledStore::compact(store::stopped(url)?)?)
}

/// Rounded up, so that no store has the size 0.
fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
