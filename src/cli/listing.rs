//! Lists of a running service, page after page up to a limit; what is left is told, too.

use serde_json::Value;

use crate::authoring::recorded::{Admin, Trouble, escaped};

use super::Exit;

/// Entries of one answer.
const PAGE: usize = 1_000;

/// How a list is wanted.
pub(super) struct Listing {
    /// At most so many.
    pub(super) limit: usize,
    pub(super) json: bool,
}

impl Listing {
    /// Prints a list of `/api/v1/`: a line for each, or JSON. `nothing` is said when it is empty.
    pub(super) fn print(
        &self,
        admin: &Admin,
        list: &str,
        nothing: &str,
        line: impl Fn(&Value) -> String,
    ) -> Result<Exit, Trouble> {
        let (entries, total) = self.read(admin, list)?;
        if self.json {
            println!("{}", Value::Array(entries.clone()));
        } else {
            entries.iter().for_each(|entry| println!("{}", line(entry)));
        }
        if total == 0 && !self.json {
            eprintln!("{nothing}");
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
            total = all;
            let last = page.len() < limit;
            entries.extend(page);
            if last {
                break;
            }
        }
        Ok((entries, total))
    }
}
