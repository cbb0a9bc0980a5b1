//! `groupkeeper restore`: a store out of a backup.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::{Path, PathBuf};

use super::Exit;
use crate::authoring::recorded::Trouble;
use crate::ledger::restore::{self, Summary};
use crate::store::{self, Restoring, StoreError, WriteSet};

/// Changes that are written at once, and bytes of them.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;
/// It is told after so many entries how far it is.
const TELL: u64 = 100_000;

#[derive(clap::Args)]
#[command(
    after_long_help = "What the outbox held may have been carried out since the backup was taken: Chat is asked \
                       before it is repeated, and messages that may have been sent wait in `outbox dead`."
)]
pub(super) struct Arguments {
    /// What `groupkeeper backup` wrote; `-` is standard input
    file: PathBuf,
    /// The store to make, as `[store] url` names it; there must be none yet, or an empty one
    #[arg(long, value_name = "URL")]
    store: String,
}

pub(super) async fn run(arguments: &Arguments) -> Exit {
    match arguments.restore().await {
        Ok(Summary { at, lines, version, .. }) => {
            eprintln!("restored: {lines} entries, taken {at} by version {version}");
            Exit::Fine
        }
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Arguments {
    /// First it is read whether the backup is whole, then it is written.
    async fn restore(&self) -> Result<Summary, Trouble> {
        let directory = store::directory(&self.store)?;
        let unreadable =
            |error: io::Error| Trouble(format!("{} cannot be read: {error}", self.file.display()));
        let mut file = self.open().map_err(unreadable)?;
        let summary = restore::check(BufReader::new(&file)).map_err(|StoreError(why)| {
            Trouble(format!("{} is not restored: {why}", self.file.display()))
        })?;
        file.rewind().map_err(unreadable)?;

        let restoring = Restoring::begin(directory)?;
        let (mut set, mut bytes, mut done) = (WriteSet::default(), 0, 0_u64);
        for writes in restore::writes(BufReader::new(&file), summary.schema)? {
            let writes = writes?;
            bytes +=
                writes.iter().map(|(_, value)| value.as_ref().map_or(0, Vec::len)).sum::<usize>();
            set.writes.extend(writes);
            done += 1;
            if set.writes.len() >= BATCH || bytes >= BATCH_BYTES {
                bytes = 0;
                write(&restoring, std::mem::take(&mut set)).await?;
            }
            if done % TELL == 0 {
                eprintln!("{done} of {} entries so far", summary.lines);
            }
        }
        write(&restoring, set).await?;
        restoring.finish()?;
        Ok(summary)
    }

    /// Standard input is read twice as well: by way of a file.
    fn open(&self) -> io::Result<File> {
        if self.file != Path::new("-") {
            return File::open(&self.file);
        }
        let mut spool = tempfile::tempfile()?;
        io::copy(&mut io::stdin().lock(), &mut spool)?;
        spool.rewind()?;
        Ok(spool)
    }
}

async fn write(restoring: &Restoring, set: WriteSet) -> Result<(), Trouble> {
    restoring.store().commit(set).await.map_err(|error| Trouble(error.to_string()))
}
