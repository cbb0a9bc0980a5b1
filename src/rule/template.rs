//! Texts with placeholders: `{member.id} is muted for {mute.for}`.

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
    /// `{object.field}`; the field is empty for `{count}`.
    Name(String, String),
}

impl Template {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Text and placeholders, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
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
