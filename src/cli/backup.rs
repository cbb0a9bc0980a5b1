//! `groupkeeper backup`: the whole store in a file, while the service runs or when it is stopped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::Exit;
use super::recorded::Running;
use crate::authoring::recorded::{Trouble, stopped};
use crate::clock::{Clock, SystemClock};
use crate::ledger::backup::Backup;
use crate::ledger::restore::{Check, Summary};

/// It is told after so many entries how far it is.
const TELL: u64 = 100_000;

#[derive(clap::Args)]
#[command(
    after_long_help = "The file holds one JSON object on each line, and no secret: tokens and keys are in the \
                       configuration only. It is written in the same directory and takes the place of FILE when it is whole."
)]
pub(super) struct Arguments {
    /// Where to write it; `-` is standard output
    file: PathBuf,
    #[command(flatten)]
    running: Running,
    /// Read the store of a stopped service, `sled:data` for instance
    #[arg(long, value_name = "URL", conflicts_with_all = ["url", "token_file", "config"])]
    store: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match arguments.backup() {
        Ok(summary) => {
            eprintln!("{} entries are in {}", summary.lines, arguments.place());
            Exit::Fine
        }
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Arguments {
    fn place(&self) -> String {
        match self.file == Path::new("-") {
            true => "what was printed".to_owned(),
            false => self.file.display().to_string(),
        }
    }

    fn backup(&self) -> Result<Summary, Trouble> {
        match &self.store {
            None => self.write(self.running.admin_or_store()?.backup()?),
            Some(url) => {
                let now = SystemClock::default().now();
                let backup = Backup::begin(stopped(url)?, now)?;
                self.write(BufReader::new(Lines { backup, page: io::Cursor::default() }))
            }
        }
    }

    fn write(&self, from: impl BufRead) -> Result<Summary, Trouble> {
        if self.file == Path::new("-") {
            return copy(from, &mut io::stdout().lock());
        }
        let failed = |error: io::Error| {
            // The error names the file that is to take this place, and nobody knows that one.
            let kind = error.kind();
            Trouble(format!("{} cannot be written: {kind}", self.file.display()))
        };
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let (file, folder) = (self.file.display(), folder.display());
            return Err(Trouble(format!(
                "{file} cannot be written: there is no directory {folder}"
            )));
        }
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let summary = copy(from, &mut io::BufWriter::new(file.as_file_mut()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.file).map_err(|error| failed(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(summary)
    }
}

/// Copies a backup, and says at the end whether it was whole.
fn copy(mut from: impl BufRead, to: &mut impl Write) -> Result<Summary, Trouble> {
    let mut check = Check::default();
    let mut line = String::new();
    loop {
        line.clear();
        let read = from.read_line(&mut line);
        // Where it breaks off, `end` says so with the number of the line.
        if read.map_err(|error| Trouble(format!("the backup broke off: {error}")))? == 0 {
            to.flush()
                .map_err(|error| Trouble(format!("the backup cannot be written: {error}")))?;
            return Ok(check.end()?);
        }
        check.line(line.trim_end_matches('\n'))?;
        let written = to.write_all(line.as_bytes());
        written.map_err(|error| Trouble(format!("the backup cannot be written: {error}")))?;
        if check.lines() > 0 && check.lines() % TELL == 0 {
            eprintln!("{} entries so far", check.lines());
        }
    }
}

/// The lines of a backup that is being taken here, as bytes.
struct Lines {
    backup: Backup,
    page: io::Cursor<Vec<u8>>,
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.page.read(into)?;
            if read > 0 {
                return Ok(read);
            }
            match self.backup.next_lines() {
                Ok(Some(lines)) => self.page = io::Cursor::new(lines.into_bytes()),
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}
