//! What an operator is told about a rule file: where, what is wrong, what exists, one proposed edit.

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet,
};
use serde_json::{Value, json};

use super::edit::{self, Edit};
use super::mistake::Code;
use super::source::Spot;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The rules are not taken.
    Error,
    /// The rules are taken; something in them is probably not meant.
    Warning,
    /// Told for information.
    Note,
}

impl Level {
    /// As scripts read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    fn title(self) -> Title<'static> {
        match self {
            Self::Error => Title::ERROR,
            Self::Warning => Title::WARNING,
            Self::Note => Title::NOTE,
        }
    }
}

/// One thing an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub level: Level,
    pub code: Code,
    pub spot: Spot,
    /// The headline: one sentence without a full stop.
    pub message: String,
    /// Stands at the marked place: what exists instead. May be empty.
    pub label: String,
    /// One proposed edit.
    pub help: Option<String>,
    /// Other places that belong to it, and what each is.
    pub related: Vec<(Spot, String)>,
    /// The proposed edit for a program, where the words alone do not say it.
    pub edit: Option<Edit>,
}

impl Diagnostic {
    /// Something told about a place; label, help and related places are added with the methods below.
    pub fn new(level: Level, code: Code, spot: Spot, message: impl Into<String>) -> Self {
        let (message, label) = (message.into(), String::new());
        Self { level, code, spot, message, label, help: None, related: Vec::new(), edit: None }
    }

    /// Says what stands at the place, or what exists instead.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Proposes an edit.
    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// Points to another place.
    #[must_use]
    pub fn related(mut self, spot: Spot, label: impl Into<String>) -> Self {
        self.related.push((spot, label.into()));
        self
    }

    /// For a terminal: the line itself, the place marked, without a line end behind it. A note is only
    /// its headline.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let title = self.level.title().primary_title(&self.message).id(self.code.0);
        let mut group = Group::with_title(title);
        if self.spot.source().text().is_empty() {
            // A file that could not be read has a name and no line.
            group = group.element(Origin::path(printable(self.spot.file())));
        } else if self.level != Level::Note {
            let label = (!self.label.is_empty()).then_some(self.label.as_str());
            let mut first = snippet(&self.spot, AnnotationKind::Primary, label);
            for (spot, label) in &self.related {
                if spot.source() == self.spot.source() {
                    first = first.annotation(context(spot, label));
                }
            }
            group = group.element(first);
            for (spot, label) in &self.related {
                if spot.source() != self.spot.source() {
                    group = group.element(snippet(spot, AnnotationKind::Context, Some(label)));
                }
            }
        }
        if let Some(help) = self.help.as_ref().filter(|_| self.level != Level::Note) {
            group = group.element(Title::HELP.message(printable(help)));
        }
        // The renderer replaces the control characters of ASCII; terminals obey those of Latin-1 too.
        let of_latin_1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
        renderer.render(&[group]).replace(of_latin_1, "\u{FFFD}")
    }

    /// For programs: `level`, `code`, `file`, `line`, `column`, `end` (`line`, `column`; one-based, in
    /// characters, the end behind the last), `span` (bytes), `message`, and where there are any `label`,
    /// `help`, `related`, and `edit` (`span` in bytes of the same file, `replacement`).
    pub fn to_json(&self) -> Value {
        let mut object = place(&self.spot);
        object["level"] = json!(self.level.name());
        object["code"] = json!(self.code.0);
        object["message"] = json!(self.message);
        if !self.label.is_empty() {
            object["label"] = json!(self.label);
        }
        if let Some(help) = &self.help {
            object["help"] = json!(help);
        }
        if !self.related.is_empty() {
            let related = self.related.iter().map(|(spot, label)| {
                let mut object = place(spot);
                object["label"] = json!(label);
                object
            });
            object["related"] = related.collect();
        }
        if let Some(Edit { span, replacement }) = edit::proposed(self) {
            object["edit"] = json!({ "span": [span.start, span.end], "replacement": replacement });
        }
        object
    }
}

/// All of them as one text, a blank line between two that take several lines.
pub fn render_all(diagnostics: &[Diagnostic], coloured: bool) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        if !text.is_empty() && diagnostic.level != Level::Note {
            text.push('\n');
        }
        text.push_str(&diagnostic.render(coloured));
        text.push('\n');
    }
    text
}

fn snippet<'a>(
    spot: &'a Spot,
    kind: AnnotationKind,
    label: Option<&str>,
) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(spot.source().text())
        .path(printable(spot.file()))
        .annotation(kind.span(spot.span()).label(label.map(printable)))
}

fn context<'a>(spot: &Spot, label: &str) -> Annotation<'a> {
    AnnotationKind::Context.span(spot.span()).label(printable(label))
}

/// Text from a rule file, or its name, which may carry terminal escapes, made harmless: unlike titles,
/// the renderer prints messages, labels and paths as they are.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

fn place(spot: &Spot) -> Value {
    json!({
        "file": &**spot.file(),
        "line": spot.line(),
        "column": spot.column(),
        "end": { "line": spot.line(), "column": spot.end_column() },
        "span": [spot.span().start, spot.span().end],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::source::Source;

    const TEXT: &str = "[rule.a]\nwhen = '\"admin\" in sender.roles'\n";

    fn sample() -> Diagnostic {
        let source = Source::new("rules/a.toml", TEXT);
        let at = TEXT.find("sender").unwrap();
        let message = "`sender.roles` does not exist";
        Diagnostic::new(Level::Error, Code("R012"), source.spot(at..at + 12), message)
            .label("on message.sent there is `member`")
            .help("write `member.role == \"admin\"`".to_owned())
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_what_exists_and_an_edit() {
        let expected = "\
error[R012]: `sender.roles` does not exist
 --> rules/a.toml:2:20
  |
2 | when = '\"admin\" in sender.roles'
  |                    ^^^^^^^^^^^^ on message.sent there is `member`
  |
  = help: write `member.role == \"admin\"`";
        assert_eq!(sample().render(false), expected);
    }

    #[test]
    fn colour_adds_escapes_and_changes_no_word() {
        let coloured = sample().render(true);
        assert!(coloured.contains("\u{1b}["));
        assert!(!sample().render(false).contains('\u{1b}'));
    }

    #[test]
    fn another_file_that_belongs_to_it_is_shown_too() {
        let other = Source::new("rules/b.toml", "[rule.a]\n");
        let shown = sample().related(other.spot(6..7), "first here").render(false);
        assert!(shown.contains("rules/b.toml:1:7") && shown.contains("- first here"), "{shown}");
    }

    #[test]
    fn a_note_is_its_headline() {
        let source = Source::new("rules/a.toml", TEXT);
        let note = Diagnostic::new(Level::Note, Code("R301"), source.spot(0..1), "a runs next");
        assert_eq!(note.render(false), "note[R301]: a runs next");
    }

    #[test]
    fn programs_get_the_place_in_numbers() {
        assert_eq!(
            sample().to_json(),
            json!({
                "level": "error", "code": "R012", "file": "rules/a.toml", "line": 2, "column": 20,
                "end": { "line": 2, "column": 32 }, "span": [28, 40], "message": "`sender.roles` does not exist",
                "label": "on message.sent there is `member`",
                "help": "write `member.role == \"admin\"`",
            })
        );
    }

    #[test]
    fn terminal_escapes_of_a_rule_file_are_not_passed_on() {
        let shown = sample().help("write \u{1b}[2J".to_owned()).render(false);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        let source = Source::new("rules/\u{1b}[2J.toml", "a = \u{9b}2J\u{1b}[2J\u{7f}\n");
        let message = "`\u{9b}2J\u{1b}[2J` is not a value";
        let told = Diagnostic::new(Level::Error, Code("R001"), source.spot(4..5), message);
        let shown = told.label("there are: \u{9b}2J\u{1b}[2J").render(false);
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
}
