//! Rules to begin with: twelve of them, in the binary, each with its tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use super::directory::Files;
use crate::rule;
use crate::rule::parse::syntax;
use crate::rule::parse::tree::Value;
use crate::rule::source::Source;

/// A rule file and its test file.
#[derive(Debug)]
pub struct Preset {
    /// The ids of its rules begin with it.
    pub name: &'static str,
    pub rules: &'static str,
    pub tests: &'static str,
}

macro_rules! presets {
    ($($name:literal $file:literal)*) => {
        &[$(Preset {
            name: $name,
            rules: include_str!(concat!("../../rules/presets/", $file, ".toml")),
            tests: include_str!(concat!("../../rules/presets/", $file, ".test.toml")),
        },)*]
    };
}

/// In the order in which people usually want them.
pub const PRESETS: &[Preset] = presets! {
    "promote-on-join" "promote_on_join"
    "welcome" "welcome"
    "flood-ladder" "flood_ladder"
    "word-filter" "word_filter"
    "newcomer-links" "newcomer_links"
    "raid-brake" "raid_brake"
    "temporary-admin" "temporary_admin"
    "keep-groups-owned" "keep_groups_owned"
    "ownerless-sweep" "ownerless_sweep"
    "quiet-hours" "quiet_hours"
    "room-succession" "room_succession"
    "remove-inactive" "remove_inactive"
};

/// The names in a directory go up to this: whoever has more copies has another problem.
const MOST_COPIES: u32 = 99;

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Placed {
    /// What the ids begin with now.
    pub id: String,
    /// Of the rules that were written.
    pub ids: Vec<String>,
    pub rules: PathBuf,
    pub tests: PathBuf,
}

impl Placed {
    /// `rule welcome`
    pub fn told(&self) -> String {
        let what = if self.ids.len() == 1 { "rule" } else { "rules" };
        format!("{what} {}", self.ids.join(", "))
    }

    /// The tests that were written, for `groupkeeper test --filter`.
    pub fn filter(&self) -> String {
        self.tests.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Why a preset was not written.
#[derive(Debug)]
pub enum NotPlaced {
    /// There is a rule of that id, or a file of that name.
    Taken {
        what: String,
    },
    /// What `--as` says, and it cannot be an id.
    BadId(String),
    Io(PathBuf, io::Error),
}

impl fmt::Display for NotPlaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { what } => {
                write!(f, "there is {what} already; choose another id with `--as`")
            }
            Self::BadId(id) => write!(
                f,
                "`{}` cannot be the id of a rule: it is made of letters, digits, `-` and `_`, like `{}`",
                id.escape_debug(),
                proposed(id)
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Preset {
    /// The preset of that name, with `-` or `_`.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.replace('_', "-");
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// One line: what it does.
    pub fn about(&self) -> &'static str {
        let first = self.rules.lines().next().unwrap_or("");
        first.split_once(": ").map_or(first, |(_, about)| about)
    }

    /// Its rules, with ids that begin with `id`.
    fn renamed(&self, id: &str) -> String {
        self.rules.replace(&format!("[rule.{}", self.name), &format!("[rule.{id}"))
    }

    /// Writes rules and tests into a directory of rules, which is made if it is not there. Without `id`
    /// the ids begin with the preset's name, with a number if those are taken. Nothing is overwritten.
    ///
    /// # Errors
    /// See [`NotPlaced`]; nothing was written then, or the rules without their tests.
    pub fn place(&self, directory: &Path, id: Option<&str>) -> Result<Placed, NotPlaced> {
        fs::create_dir_all(directory)
            .map_err(|error| NotPlaced::Io(directory.to_owned(), error))?;
        let taken = ids(directory).map_err(|error| NotPlaced::Io(directory.to_owned(), error))?;
        if let Some(id) = id {
            return self.place_as(directory, id, &taken);
        }
        let mut last = self.place_as(directory, self.name, &taken);
        for number in 2..=MOST_COPIES {
            if !matches!(last, Err(NotPlaced::Taken { .. })) {
                break;
            }
            last = self.place_as(directory, &format!("{}-{number}", self.name), &taken);
        }
        last
    }

    fn place_as(
        &self,
        directory: &Path,
        id: &str,
        taken: &BTreeMap<String, String>,
    ) -> Result<Placed, NotPlaced> {
        let text = self.renamed(id);
        let reading = rule::read(vec![(format!("{id}.toml"), text.clone())], None);
        if reading.has_errors() {
            return Err(NotPlaced::BadId(id.to_owned()));
        }
        for rule in reading.rules.rules() {
            if let Some(file) = taken.get(rule.id.as_str()) {
                return Err(NotPlaced::Taken { what: format!("a rule `{}` in {file}", rule.id) });
            }
        }
        let name = id.replace('-', "_");
        let rules = directory.join(format!("{name}.toml"));
        let tests = directory.join(format!("{name}.test.toml"));
        for path in [&rules, &tests] {
            if path.exists() {
                return Err(NotPlaced::Taken { what: format!("a file {}", path.display()) });
            }
        }
        let ids = reading.rules.rules().iter().map(|rule| rule.id.to_string()).collect();
        // The tests first: a running service takes rules as soon as it sees them.
        write(&tests, self.tests)?;
        write(&rules, &text)?;
        Ok(Placed { id: id.to_owned(), ids, rules, tests })
    }
}

/// An id that comes close to what was written.
fn proposed(id: &str) -> String {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    if id.is_empty() { "my-rule".to_owned() } else { id }
}

/// The ids of a directory's rules, those with mistakes among them, and the file of each.
fn ids(directory: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut ids = BTreeMap::new();
    for (name, text) in Files::read(directory, |_| true)?.texts {
        let Ok(table) = syntax::read(&Source::new(&name, &text)) else { continue };
        let Some(Value::Table(rules)) = table.get("rule").map(|entry| &entry.node.value) else {
            continue;
        };
        ids.extend(rules.entries().iter().map(|rule| (rule.key.clone(), name.clone())));
    }
    Ok(ids)
}

/// Writes a file that must not be there yet.
fn write(path: &Path, text: &str) -> Result<(), NotPlaced> {
    let told = |error| NotPlaced::Io(path.to_owned(), error);
    let mut file = fs::File::create_new(path).map_err(told)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(told)
}
