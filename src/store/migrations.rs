//! From the form of one version to the next: entries are rewritten in batches, and a crash in the
//! middle goes on where it was.
//!
//! A migration works on bytes and JSON, never on the types of today: those will change again.

use super::pieces::damaged;
use super::{Entry, StoreError};

/// The form in which entries are kept by this version.
pub const SCHEMA: u32 = 1;

/// What an entry of the form before becomes: itself, another one, several, or nothing. It may see what
/// it has made itself, and leaves that alone.
pub type Rewrite = fn(Entry) -> Result<Vec<Entry>, StoreError>;

/// One step: the form that it leads to.
#[derive(Clone, Copy)]
pub struct Migration {
    pub to: u32,
    pub rewrite: Rewrite,
}

/// All steps, ascending. The first version of the form has none before it.
pub const MIGRATIONS: &[Migration] = &[];

/// The steps that lead from a form to that of this version.
///
/// # Errors
/// When the form is a later one, or none that there ever was.
pub fn from(schema: u32, whose: &str) -> Result<&'static [Migration], StoreError> {
    if schema > SCHEMA {
        return Err(StoreError(format!(
            "{whose} was written by a later version (schema {schema}, this version knows {SCHEMA}): run that version, or put back the copy from before the upgrade"
        )));
    }
    if schema == 0 {
        return Err(damaged("its schema has no known form"));
    }
    Ok(steps(MIGRATIONS, schema))
}

pub(super) fn steps(all: &[Migration], schema: u32) -> &[Migration] {
    let begin = all.iter().position(|step| step.to > schema).unwrap_or(all.len());
    &all[begin..]
}

/// Leads one entry through several steps.
///
/// # Errors
/// When an entry is not of the form that a step expects.
pub fn rewritten(entry: Entry, steps: &[Migration]) -> Result<Vec<Entry>, StoreError> {
    let mut entries = vec![entry];
    for step in steps {
        let mut next = Vec::with_capacity(entries.len());
        for entry in entries {
            next.extend((step.rewrite)(entry)?);
        }
        entries = next;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_ascend_and_end_with_the_form_of_this_version() {
        let forms: Vec<u32> = MIGRATIONS.iter().map(|step| step.to).collect();
        assert_eq!(forms, (2..=SCHEMA).collect::<Vec<_>>());
    }

    #[test]
    fn an_entry_goes_through_every_step_behind_its_form() {
        fn add(letter: u8) -> impl Fn(Entry) -> Result<Vec<Entry>, StoreError> {
            move |(key, mut value)| {
                value.push(letter);
                Ok(vec![(key, value)])
            }
        }
        let all = [
            Migration { to: 2, rewrite: |entry| add(b'2')(entry) },
            Migration { to: 3, rewrite: |entry| add(b'3')(entry) },
        ];
        for (schema, value) in [(1, "v23"), (2, "v3"), (3, "v")] {
            let entry = (b"k".to_vec(), b"v".to_vec());
            let expected = vec![(b"k".to_vec(), value.as_bytes().to_vec())];
            assert_eq!(rewritten(entry, steps(&all, schema)), Ok(expected));
        }
    }
}
