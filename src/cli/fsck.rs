//! `groupkeeper fsck`: whether everything in a store can be read, and belongs together.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Exit;
use crate::authoring::one_line;
use crate::authoring::recorded::{Trouble, stopped};
use crate::ledger::fsck::{self, Finding, Repair, Report};
use crate::store::Store;

/// It is told after so many entries how far it is.
const TELL: u64 = 100_000;
/// So many findings are told one by one, unless JSON is asked for.
const TOLD: usize = 50;

#[derive(clap::Args)]
#[command(
    after_long_help = "Exit codes: 0 nothing is wrong (or all of it was repaired), 1 something is."
)]
pub(super) struct Arguments {
    /// The store of a stopped service, as `[store] url` names it
    #[arg(long, value_name = "URL", default_value = "sled:data")]
    store: String,
    /// Do what is certain about it; what cannot be read is moved to a file, never thrown away
    #[arg(long)]
    repair: bool,
    /// Where to move what cannot be read; lines are appended
    #[arg(
        long,
        value_name = "FILE",
        default_value = "groupkeeper-fsck.jsonl",
        requires = "repair"
    )]
    aside: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Exit {
    match arguments.look().await {
        Ok(true) => Exit::Fine,
        Ok(false) => Exit::Usage,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Arguments {
    /// Whether everything is right in the end.
    async fn look(&self) -> Result<bool, Trouble> {
        let store = stopped(&self.store)?;
        let mut told = 0;
        let report = fsck::examine(&*store, |entries| {
            if entries / TELL > told {
                told = entries / TELL;
                eprintln!("{entries} entries so far");
            }
        })?;
        if self.json {
            println!("{}", as_json(&report));
        } else {
            print!("{}", as_text(&report, self.repair));
        }
        if self.repair && !report.findings.is_empty() {
            return self.repair(&*store, &report).await;
        }
        Ok(report.findings.is_empty())
    }

    async fn repair(&self, store: &dyn Store, report: &Report) -> Result<bool, Trouble> {
        let path = self.aside.display();
        let moved =
            report.findings.iter().filter(|found| matches!(found.repair, Repair::Aside(_))).count();
        let repaired = report.repair(store, |lines| self.keep(lines)).await?;
        store.close()?;
        eprintln!("repaired: {repaired} of {}", report.findings.len());
        if moved > 0 {
            eprintln!("moved to {path}: {moved}");
        }
        Ok(repaired == report.findings.len())
    }

    /// On disk when it returns: what is moved there is taken out of the store next.
    fn keep(&self, lines: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.aside)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        let folder = self.aside.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn as_text(report: &Report, repair: bool) -> String {
    let mut text = String::new();
    let would = if repair { "repair" } else { "--repair" };
    for Finding { kind, key, what, repair } in report.findings.iter().take(TOLD) {
        let place = if key.is_empty() { String::new() } else { format!("  {key}") };
        let what = one_line(what);
        text.push_str(&format!("{kind}{place}\n    {what}\n    {would}: {}\n", repair.words()));
    }
    if report.findings.len() > TOLD {
        let more = report.findings.len() - TOLD;
        text.push_str(&format!("and {more} more; --json tells all of them\n"));
    }
    let kinds = report.kinds();
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    let found = if kinds.is_empty() {
        "nothing is wrong".to_owned()
    } else {
        format!("wrong: {}", kinds.join(", "))
    };
    text.push_str(&format!("{} entries; {found}\n", report.entries));
    text
}

fn as_json(report: &Report) -> serde_json::Value {
    let each = report.findings.iter().map(|Finding { kind, key, what, repair }| {
        json!({ "kind": kind, "key": key, "what": what, "repair": repair.words(), "certain": *repair != Repair::None })
    });
    json!({ "entries": report.entries, "findings": each.collect::<Vec<_>>() })
}
