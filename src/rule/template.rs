//! Texts with placeholders: `{member.id} is muted for {mute.for}`.

use std::ops::Range;

use super::catalog::{Object, Type};
use super::lookup;
use super::mistake::{Code, Mistake};
use super::names::Names;
use super::suggest::closest;

const UNKNOWN: Code = Code("R030");
const BRACES: Code = Code("R032");

/// What a text of a rule that mutes can say about the mute.
const MUTE: [&str; 3] = ["for", "until", "reason"];

/// A checked text.
#[derive(Debug)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// `{object.field}`; the field is empty for `{count}` and `{now}`.
    Name(String, String),
}

impl Template {
    /// Reads a text with placeholders; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// All mistakes of the text: R030 for a name that is not there, R032 for a brace without a partner.
    pub fn parse(text: &str, names: &Names) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader { text, names, parts: Vec::new(), mistakes: Vec::new() };
        reader.read();
        if reader.mistakes.is_empty() {
            Ok(Self { text: text.to_owned(), parts: reader.parts })
        } else {
            Err(reader.mistakes)
        }
    }

    /// A text that is meant as it stands, braces and all.
    pub fn literal(text: &str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(text.to_owned())] };
        Self { text: text.to_owned(), parts }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Text and placeholders, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The fields that it reads; `{count}`, `{now}` and `{mute.…}` are not among them.
    pub fn uses(&self) -> Vec<(Object, String)> {
        let mut uses = Vec::new();
        for part in &self.parts {
            let Part::Name(object, field) = part else { continue };
            let Some(object) = lookup::any_object(object) else { continue };
            let used = (object, field.clone());
            if !uses.contains(&used) {
                uses.push(used);
            }
        }
        uses
    }

    /// Fills the placeholders.
    pub fn render(&self, look_up: impl Fn(&str, &str) -> String) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Name(object, field) => look_up(object, field),
            })
            .collect()
    }
}

struct Reader<'a> {
    text: &'a str,
    names: &'a Names,
    parts: Vec<Part>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(found) = self.text[at..].find(['{', '}']) {
            let brace = at + found;
            self.push_text(at..brace);
            let doubled = self.text[brace + 1..].starts_with(&self.text[brace..=brace]);
            at = match &self.text[brace..=brace] {
                _ if doubled => {
                    self.push_text(brace..brace + 1);
                    brace + 2
                }
                "{" => self.placeholder(brace),
                _ => {
                    let help = "write `}}` for a brace in the text";
                    self.brace(brace..brace + 1, "`}` closes nothing", help);
                    brace + 1
                }
            };
        }
        self.push_text(at..self.text.len());
    }

    fn push_text(&mut self, range: Range<usize>) {
        let text = &self.text[range];
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    /// Reads from an opening brace on; where to go on.
    fn placeholder(&mut self, open: usize) -> usize {
        let inside = open + 1;
        let end = self.text[inside..].find(['{', '}', '\n']).map(|found| inside + found);
        let Some(close) = end.filter(|end| self.text[*end..].starts_with('}')) else {
            let help = "close the placeholder with `}`, or write `{{` for a brace in the text";
            self.brace(open..open + 1, "`{` is never closed", help);
            return end.unwrap_or(self.text.len());
        };
        let written = &self.text[inside..close];
        let name = written.trim();
        match self.check(name) {
            Ok(()) => {
                let (object, field) = name.split_once('.').unwrap_or((name, ""));
                self.parts.push(Part::Name(object.to_owned(), field.to_owned()));
            }
            Err(mistake) => self.mistakes.push(Mistake { range: open..close + 1, ..mistake }),
        }
        close + 1
    }

    fn brace(&mut self, range: Range<usize>, message: &str, help: &str) {
        self.mistakes.push(Mistake {
            code: BRACES,
            range,
            message: message.to_owned(),
            label: String::new(),
            help: Some(help.to_owned()),
        });
    }

    /// Whether a name can be filled in.
    fn check(&self, name: &str) -> Result<(), Mistake> {
        if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) || name.is_empty() {
            let message = format!("`{{{name}}}` is not a placeholder");
            let label = "a placeholder is one name, for instance `{member.id}`".to_owned();
            return Err(unknown(message, label, Some("write `{{` for a brace in the text".into())));
        }
        match name.split_once('.') {
            None if name == "now" || name == "count" && self.names.has_count() => Ok(()),
            None => Err(self.bare(name)),
            Some(("mute", field)) => self.mute(field),
            Some((object, field)) => match lookup::field(self.names, object, field) {
                Ok((_, Type::Dynamic)) => {
                    let message = format!("`{{{name}}}` cannot be written into a text");
                    Err(unknown(message, "this is a whole document".to_owned(), None))
                }
                Ok(_) => Ok(()),
                Err(why) => Err(from_lookup(*why)),
            },
        }
    }

    fn bare(&self, name: &str) -> Mistake {
        if let Some(object) = lookup::object(self.names, name) {
            let message = format!("`{{{name}}}` is {}, not a text", object.kind());
            let fields = self.names.objects().iter().find(|(found, _)| *found == object);
            let first =
                fields.and_then(|(_, fields)| fields.first()).map_or("id", |(name, _)| &**name);
            let help = Some(format!("write `{{{name}.{first}}}`"));
            return unknown(message, "a field is missing".to_owned(), help);
        }
        from_lookup(lookup::bare(self.names, name))
    }

    fn mute(&self, field: &str) -> Result<(), Mistake> {
        let message = format!("`mute.{field}` does not exist");
        if !self.names.has_mute() {
            let label = "`mute` is there in texts of rules that mute".to_owned();
            return Err(unknown(message, label, None));
        }
        if MUTE.contains(&field) {
            return Ok(());
        }
        let help = closest(field, MUTE).map(|known| format!("write `{{mute.{known}}}`"));
        Err(unknown(message, format!("there is `mute` with: {}", MUTE.join(" ")), help))
    }
}

fn from_lookup(why: lookup::Unknown) -> Mistake {
    unknown(why.message, why.label, why.instead.map(|name| format!("write `{{{name}}}`")))
}

/// The range is set by the caller, who knows where the placeholder stands.
fn unknown(message: String, label: String, help: Option<String>) -> Mistake {
    Mistake { code: UNKNOWN, range: 0..0, message, label, help }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::EventKind;
    use proptest::prelude::*;

    fn names() -> Names {
        Names::of_events(&[EventKind::MessageSent]).with_count().with_mute()
    }

    fn parse(text: &str) -> Template {
        Template::parse(text, &names()).unwrap()
    }

    fn mistake(text: &str) -> Mistake {
        let mut mistakes = Template::parse(text, &names()).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes.remove(0)
    }

    fn rendered(text: &str) -> String {
        parse(text).render(|object, field| format!("<{object}|{field}>"))
    }

    #[test]
    fn placeholders_are_filled_and_the_rest_stays() {
        assert_eq!(
            rendered("{member.id} is muted for {mute.for}: {count} at {now}"),
            "<member|id> is muted for <mute|for>: <count|> at <now|>"
        );
        assert_eq!(rendered("{ member.id }"), "<member|id>");
        assert_eq!(rendered("猫 {group.name} 🐈"), "猫 <group|name> 🐈");
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(rendered("{{{member.id}}} }}{{"), "{<member|id>} }{");
    }

    #[test]
    fn a_literal_keeps_its_braces() {
        let literal = Template::literal("{nobody}");
        assert_eq!(literal.render(|_, _| unreachable!()), "{nobody}");
        assert_eq!(Template::literal("").parts(), []);
    }

    #[test]
    fn uses_names_each_field_once() {
        let uses = parse("{member.id} {group.name} {member.id} {count} {mute.for}").uses();
        assert_eq!(uses, [(Object::Member, "id".to_owned()), (Object::Group, "name".to_owned())]);
    }

    #[test]
    fn an_unknown_name_is_marked_with_its_braces_and_a_proposal() {
        assert_eq!(
            mistake("hi {sender.id}!"),
            Mistake {
                code: UNKNOWN,
                range: 3..14,
                message: "`sender.id` does not exist".into(),
                label:
                    "on message.sent there is `member` with: id role joined_at name_card muted …"
                        .into(),
                help: Some("write `{member.id}`".into()),
            }
        );
        assert_eq!(mistake("{mute.four}").help.unwrap(), "write `{mute.for}`");
        assert_eq!(mistake("{member}").help.unwrap(), "write `{member.id}`");
    }

    #[test]
    fn every_mistake_of_a_text_is_told() {
        let mistakes = Template::parse("{x.y} } {member.id", &names()).unwrap_err();
        let told: Vec<_> = mistakes.iter().map(|m| (m.code, m.range.clone())).collect();
        assert_eq!(told, [(UNKNOWN, 0..5), (BRACES, 6..7), (BRACES, 8..9)]);
        assert_eq!(mistakes[1].message, "`}` closes nothing");
        assert_eq!(mistakes[2].message, "`{` is never closed");
    }

    #[test]
    fn json_in_a_text_is_told_to_double_its_braces() {
        let mistake = mistake("{\"a\": 1}");
        assert_eq!(mistake.message, "`{\"a\": 1}` is not a placeholder");
        assert_eq!(mistake.help.unwrap(), "write `{{` for a brace in the text");
    }

    #[test]
    fn names_that_the_rule_lacks_are_refused() {
        let bare = Names::of_events(&[EventKind::GroupFull]);
        for text in ["{count}", "{mute.for}", "{member.id}"] {
            assert_eq!(Template::parse(text, &bare).unwrap_err()[0].code, UNKNOWN, "{text}");
        }
        let callback = Names::of_events(&[EventKind::Callback]);
        let mistakes = Template::parse("{event.body}", &callback).unwrap_err();
        assert_eq!(mistakes[0].label, "this is a whole document");
    }

    proptest! {
        #[test]
        fn doubling_the_braces_gives_back_any_text(text in "[a-z{}.猫 \n]{0,20}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(rendered(&doubled), text);
        }

        #[test]
        fn every_mistake_lies_within_the_text(text in "[a-z{}.猫 ]{0,20}") {
            for mistake in Template::parse(&text, &names()).err().unwrap_or_default() {
                prop_assert!(text.get(mistake.range).is_some());
            }
        }
    }
}
