//! A file as what is written in it: sections, entries, values, each with its comments.

use toml_parser::Source;
use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind, parse_document};

/// A line between two entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    Comment(String),
}

/// A file.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The first has no heading.
    pub sections: Vec<Section>,
    /// Below everything.
    pub end: Vec<Line>,
}

/// A heading and what stands under it.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub above: Vec<Line>,
    pub heading: Option<Heading>,
    pub entries: Vec<Entry>,
    /// Comments that belong to the section, below its last entry.
    pub end: Vec<String>,
}

/// `[a.b]` or `[[a.b]]`.
#[derive(Debug)]
pub(super) struct Heading {
    pub path: Vec<Word>,
    pub of_list: bool,
    /// The comment behind it.
    pub behind: Option<String>,
}

/// `key = value`, or an item of a list, which has no key.
#[derive(Debug)]
pub(super) struct Entry {
    pub above: Vec<String>,
    pub key: Vec<Word>,
    pub value: Value,
    /// The comment behind it.
    pub behind: Option<String>,
}

/// A key or a plain value as it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub raw: String,
    /// How it is quoted.
    pub quoted: Option<Encoding>,
}

/// What stands behind a `=` or in a list.
#[derive(Debug)]
pub(super) enum Value {
    Plain(Word),
    /// `of_tables` is `{}`; `end` are comments in front of the closing bracket.
    Many {
        of_table: bool,
        entries: Vec<Entry>,
        end: Vec<String>,
    },
}

impl Value {
    /// Whether a comment stands somewhere in it.
    pub fn has_comment(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Many { entries, end, .. } => {
                let inside = |entry: &Entry| {
                    !entry.above.is_empty() || entry.behind.is_some() || entry.value.has_comment()
                };
                !end.is_empty() || entries.iter().any(inside)
            }
        }
    }

    /// Whether there is something in its brackets.
    pub fn is_many(&self) -> bool {
        matches!(self, Self::Many { entries, .. } if !entries.is_empty())
    }
}

/// Everything but white space, in the order of the file.
fn events(text: &str) -> Vec<Event> {
    let tokens = Source::new(text).lex().into_vec();
    let mut events: Vec<Event> = Vec::new();
    // Mistakes were told before.
    parse_document(&tokens, &mut events, &mut |_| {});
    events.retain(|event| event.kind() != EventKind::Whitespace);
    events
}

/// All comments of a file, sorted.
pub(super) fn comments(text: &str) -> Vec<String> {
    let comments = events(text).into_iter().filter(|event| event.kind() == EventKind::Comment);
    let mut comments: Vec<_> =
        comments.map(|event| word(text, &event).raw.trim_end().to_owned()).collect();
    comments.sort();
    comments
}

fn word(text: &str, event: &Event) -> Word {
    let span = event.span();
    let raw = text.get(span.start()..span.end()).unwrap_or("").to_owned();
    Word { raw, quoted: event.encoding() }
}

/// Reads a file that is TOML.
pub(super) fn read(text: &str) -> Document {
    let mut reader = Reader { text, events: events(text), at: 0 };
    reader.document()
}

struct Reader<'t> {
    text: &'t str,
    events: Vec<Event>,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<EventKind> {
        self.events.get(self.at).map(Event::kind)
    }

    fn next(&mut self) -> Option<(EventKind, Word)> {
        let event = self.events.get(self.at)?;
        self.at += 1;
        Some((event.kind(), word(self.text, event)))
    }

    fn document(&mut self) -> Document {
        let mut document = Document { sections: vec![Section::default()], end: Vec::new() };
        let mut pending: Vec<Line> = Vec::new();
        let mut fresh = true;
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    let heading = self.heading(kind == EventKind::ArrayTableOpen);
                    let last = document.sections.len() - 1;
                    let end = below(&document.sections[last], &mut pending);
                    document.sections[last].end = end;
                    let above = std::mem::take(&mut pending);
                    document.sections.push(Section {
                        above,
                        heading: Some(heading),
                        ..Section::default()
                    });
                    fresh = false;
                }
                EventKind::SimpleKey => {
                    let above =
                        std::mem::take(&mut pending).into_iter().filter_map(comment).collect();
                    let mut entry = self.entry(above);
                    entry.behind = self.comment_here();
                    if let Some(section) = document.sections.last_mut() {
                        section.entries.push(entry);
                    }
                    fresh = false;
                }
                EventKind::Newline => {
                    self.at += 1;
                    if fresh {
                        pending.push(Line::Blank);
                    }
                    fresh = true;
                }
                _ => {
                    if let Some((EventKind::Comment, word)) = self.next() {
                        pending.push(Line::Comment(word.raw.trim_end().to_owned()));
                        fresh = false;
                    }
                }
            }
        }
        document.end = pending;
        document
    }

    fn heading(&mut self, of_list: bool) -> Heading {
        let mut path = Vec::new();
        while let Some((kind, word)) = self.next() {
            match kind {
                EventKind::SimpleKey => path.push(word),
                EventKind::StdTableClose | EventKind::ArrayTableClose => break,
                _ => {}
            }
        }
        Heading { path, of_list, behind: self.comment_here() }
    }

    /// A comment on the same line.
    fn comment_here(&mut self) -> Option<String> {
        (self.peek() == Some(EventKind::Comment))
            .then(|| self.next())?
            .map(|(_, word)| word.raw.trim_end().to_owned())
    }

    /// `key = value`, from its first key on. In an inline table the parser takes comments and line ends in
    /// front of the `=` and of the value too: such comments go above.
    fn entry(&mut self, mut above: Vec<String>) -> Entry {
        let mut key = Vec::new();
        while let Some((kind, word)) = self.next() {
            match kind {
                EventKind::SimpleKey => key.push(word),
                EventKind::KeyValSep => break,
                EventKind::Comment => above.push(word.raw.trim_end().to_owned()),
                _ => {}
            }
        }
        while let Some(EventKind::Comment | EventKind::Newline) = self.peek() {
            above.extend(self.comment_here());
            self.at += usize::from(self.peek() == Some(EventKind::Newline));
        }
        let value = self.value();
        Entry { above, key, value, behind: None }
    }

    fn value(&mut self) -> Value {
        match self.next() {
            Some((EventKind::ArrayOpen, _)) => self.many(false),
            Some((EventKind::InlineTableOpen, _)) => self.many(true),
            Some((_, word)) => Value::Plain(word),
            None => Value::Plain(Word { raw: String::new(), quoted: None }),
        }
    }

    /// What stands in brackets, from behind the opening one.
    fn many(&mut self, of_table: bool) -> Value {
        let mut entries: Vec<Entry> = Vec::new();
        let mut above: Vec<String> = Vec::new();
        // Whether the line has an entry, which a comment then belongs to.
        let mut behind_entry = false;
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::ArrayClose | EventKind::InlineTableClose => {
                    self.at += 1;
                    break;
                }
                EventKind::Newline => {
                    self.at += 1;
                    behind_entry = false;
                }
                EventKind::ValueSep => self.at += 1,
                EventKind::Comment => {
                    let comment = self.comment_here();
                    match entries.last_mut().filter(|_| behind_entry && above.is_empty()) {
                        Some(entry) => entry.behind = comment,
                        None => above.extend(comment),
                    }
                }
                _ => {
                    let above = std::mem::take(&mut above);
                    entries.push(if kind == EventKind::SimpleKey {
                        self.entry(above)
                    } else {
                        Entry { above, key: Vec::new(), value: self.value(), behind: None }
                    });
                    behind_entry = true;
                }
            }
        }
        Value::Many { of_table, entries, end: above }
    }
}

fn comment(line: Line) -> Option<String> {
    match line {
        Line::Comment(text) => Some(text),
        Line::Blank => None,
    }
}

/// Takes comments that stand close under the last entry, with a blank line between them and the next heading.
fn below(section: &Section, pending: &mut Vec<Line>) -> Vec<String> {
    let close = section.heading.is_some() || !section.entries.is_empty();
    let comments = pending.iter().take_while(|line| **line != Line::Blank).count();
    if !close || comments == pending.len() {
        return Vec::new();
    }
    pending.drain(..comments).filter_map(comment).collect()
}
