//! Lists of a running service, page after page up to a limit; what is left is told, too.

use serde_json::Value;

use super::Exit;
use super::recorded::Running;
use crate::authoring::recorded::{Admin, Trouble, escaped};

/// Entries of one answer.
const PAGE: usize = 1_000;

/// Whose list is wanted, and how.
#[derive(clap::Args)]
pub(super) struct Looking {
    #[command(flatten)]
    running: Running,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    limit: usize,
}

/// Of no entry at all it would be said that there is none.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "a number from 1 on".to_owned())
}

impl Looking {
    /// Prints a list of `/api/v1/`: a line for each, or JSON. `nothing` is said when it is empty, and
    /// otherwise `next`: what can be done with an entry.
    pub(super) fn print(
        &self,
        list: &str,
        (nothing, next): (&str, &str),
        line: impl Fn(&Value) -> String,
    ) -> Result<Exit, Trouble> {
        let (entries, total) = self.read(&self.running.admin()?, list)?;
        if self.json {
            println!("{}", Value::Array(entries.clone()));
        } else {
            entries.iter().for_each(|entry| println!("{}", line(entry)));
        }
        if total == 0 && !self.json {
            eprintln!("{nothing}");
        }
        if total > 0 && !self.json && !next.is_empty() {
            eprintln!("next: {next}");
        }
        if total > entries.len() {
            let more = total - entries.len();
            eprintln!("and {more} more: --limit {total} shows all");
        }
        Ok(Exit::Fine)
    }

    fn read(&self, admin: &Admin, list: &str) -> Result<(Vec<Value>, usize), Trouble> {
        let (mut entries, mut total): (Vec<Value>, usize) = (Vec::new(), 0);
        while entries.len() < self.limit {
            let limit = (self.limit - entries.len()).min(PAGE);
            let mut path = format!("/api/v1/{list}?limit={limit}");
            if let Some(place) = entries.last().and_then(|last| last["place"].as_str()) {
                path.push_str(&format!("&after={}", escaped(place)));
            }
            let (page, all) = admin.page(&path)?;
            // Only the first page says it.
            total = total.max(all);
            let last = page.len() < limit;
            entries.extend(page);
            if last {
                break;
            }
        }
        Ok((entries, total))
    }
}
