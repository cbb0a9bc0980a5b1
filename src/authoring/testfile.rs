//! `*.test.toml`: what operators expect of their rules; text in, tests and everything that is wrong out.

mod codes;
mod expected;
mod group;
mod known;
mod send;
mod sendable;
mod step;
mod test;

use std::sync::Arc;
use std::time::Duration;

use super::check::SourceFile;
use super::expect::Expected;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Globs, Mode};
use crate::rule::parse::file::File;
use crate::rule::parse::syntax;
use crate::rule::source::Source;
use crate::simulator::{Fault, MemberChange, RoomKind};

pub use send::{KEYS as SEND_KEYS, Send};
pub use sendable::{SENDABLE, Sendable};

/// One test.
#[derive(Debug)]
pub struct Test {
    /// The file, as it was named.
    pub file: Arc<str>,
    pub name: String,
    /// One-based line of the test's `name`.
    pub line: usize,
    pub now: Timestamp,
    /// `[rules] mode` of the service.
    pub mode: Mode,
    /// `[safety] protected` of the service.
    pub protected: Globs,
    pub groups: Vec<TestGroup>,
    pub rooms: Vec<TestRoom>,
    pub steps: Vec<TestStep>,
}

/// A group that exists before the first step, and that the bot knows.
#[derive(Clone, Debug)]
pub struct TestGroup {
    pub id: GroupId,
    pub kind: GroupType,
    pub name: String,
    pub owner: Option<Account>,
    /// The owner first, then in the order of the list.
    pub members: Vec<TestMember>,
}

/// A member of such a group.
#[derive(Clone, Debug)]
pub struct TestMember {
    pub id: Account,
    pub role: Role,
    pub joined_at: Timestamp,
    pub name_card: String,
    pub last_message_at: Option<Timestamp>,
}

/// A Conference or Live room that exists before the first step.
#[derive(Clone, Debug)]
pub struct TestRoom {
    pub id: RoomId,
    pub kind: RoomKind,
    pub owner: Account,
    pub members: Vec<Account>,
}

/// One step, and the line it begins on.
#[derive(Debug)]
pub struct TestStep {
    /// One-based.
    pub line: usize,
    pub act: StepAct,
}

/// What a step does.
#[derive(Debug)]
pub enum StepAct {
    /// Something happens in Chat.
    Send(Box<Send>),
    /// The effects since the last `expect`, and words that a sentence of the trace must contain.
    Expect { effects: Vec<Expected>, because: Option<String> },
    /// Time passes.
    Advance(Duration),
    /// The bot is stopped and started again.
    Restart,
    /// Chat does not answer REST calls for a time.
    ApiDown(Duration),
    /// One REST command goes wrong.
    Chat(Fault),
    /// A member changes, and no callback tells it.
    Unseen { group: GroupId, member: Account, change: MemberChange },
}

/// What came of reading test files.
#[derive(Debug, Default)]
pub struct TestReading {
    /// The tests without mistakes. With [`TestReading::has_errors`] some are missing.
    pub tests: Vec<Test>,
    /// By file, then by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl TestReading {
    /// Whether something is wrong with a file, so that not everything that it says can be run.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many mistakes there are.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|told| told.level == Level::Error).count()
    }
}

/// Reads test files, given as name and content. All mistakes of all files are told at once.
pub fn read(files: &[SourceFile]) -> TestReading {
    let mut reading = TestReading::default();
    for (name, text) in files {
        let source = Source::new(name, text);
        let mut file = File { source: &source, found: Vec::new() };
        match syntax::read(&source) {
            Err(mistakes) => file.found = mistakes,
            Ok(table) => reading.tests.extend(test::all(&mut file, &table)),
        }
        file.found.sort_by_key(|told| (told.spot.span().start, told.level));
        reading.diagnostics.extend(file.found);
    }
    reading
}

/// What is wrong with test files, for `check`.
pub fn check(files: &[SourceFile]) -> Vec<Diagnostic> {
    read(files).diagnostics
}

/// One-based lines of places in a file, without counting from its beginning each time.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}
