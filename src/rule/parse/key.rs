//! What a key takes: one table for the reader of a file, for its schema and for its formatter.

/// A key of a table. Its reader stands beside it and decides; this says what an editor can know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub need: Need,
    /// One sentence, for people.
    pub about: &'static str,
    /// What counts when it is left out, as TOML.
    pub default: Option<&'static str>,
    /// The key that it belongs to and cannot be without.
    pub beside: Option<&'static str>,
}

/// Whether a key must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Optional,
    Required,
    /// Just one of the keys of its table that say so.
    ExactlyOne,
    /// One at least of the keys of its table that say so.
    AtLeastOne,
}

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text that is taken as it is.
    Text,
    /// A text with placeholders in braces, that says something.
    Template,
    /// CEL of type bool.
    Condition,
    /// A UserID, or a placeholder that stands for one.
    Account,
    Truth,
    /// A whole number, both bounds included.
    Number(i64, i64),
    Duration,
    /// A date with its time and offset.
    Moment,
    /// One of a few words.
    Word(fn() -> Vec<&'static str>),
    /// The name of an event.
    Event,
    /// A text that this regular expression matches from end to end.
    Pattern(&'static str),
    /// A list of at least so many.
    List(&'static Shape, usize),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys are the app's own, at least one.
    Map(&'static Shape),
    /// One of these.
    Either(&'static [Shape]),
    /// One action, as `do` lists them.
    Action,
    /// One effect, as `expect` lists them.
    Effect,
    /// Whatever.
    Any,
}

impl Key {
    /// A key that can be left out.
    pub const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, need: Need::Optional, about, default: None, beside: None }
    }

    /// It must be given.
    pub const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    /// Just one of the keys of its table that say so must be given.
    pub const fn exactly_one(mut self) -> Self {
        self.need = Need::ExactlyOne;
        self
    }

    /// One at least of the keys of its table that say so must be given.
    pub const fn at_least_one(mut self) -> Self {
        self.need = Need::AtLeastOne;
        self
    }

    /// It belongs to another key and cannot be without it.
    pub const fn beside(mut self, other: &'static str) -> Self {
        self.beside = Some(other);
        self
    }

    /// What counts when it is left out, as TOML.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

/// What has the name of a key.
pub trait Named {
    /// As it is written in a file.
    fn name(&self) -> &'static str;
}

impl Named for Key {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl Named for &'static str {
    fn name(&self) -> &'static str {
        self
    }
}

/// `who` of most actions.
pub const WHO: Key =
    Key::new("who", Shape::Account, "Whom it is done to; left out, the member the event is about.");
/// A text to say, of actions that speak.
pub const TEXT: Key = Key::new(
    "text",
    Shape::Template,
    "What is said; names in braces are filled in: {member.id}, {group.name}, {mute.for}.",
)
.required();
/// `each` of everything that is kept over time.
pub const EACH: Key = Key::new(
    "each",
    Shape::List(&Shape::Word(each), 1),
    "For what it is kept: the whole app, each group, each member, or each member in each group.",
)
.required();
/// A duration, or for ever.
pub const TIME_OR_FOREVER: Shape =
    Shape::Either(&[Shape::Duration, Shape::Word(|| vec!["forever"])]);

fn each() -> Vec<&'static str> {
    crate::rule::model::Each::ALL.map(crate::rule::model::Each::name).to_vec()
}

/// The words of a list of choices.
pub fn words<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(word, _)| *word).collect()
}
