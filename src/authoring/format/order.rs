//! Where a value stands in the language: the order of its keys, and how its texts are quoted.

use super::quote::Style;
use super::tree::{Entry, Word};
use crate::authoring::schema::Language;
use crate::rule::parse::actions;
use crate::rule::parse::key::{Key, Shape};

/// The shape that a place has, as far as the language knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(Option<Shape>);

impl Place {
    /// The top of a file.
    pub fn file(language: Language) -> Self {
        Self(Some(Shape::Table(language.keys())))
    }

    /// The value of a key.
    pub fn value(self, key: &str) -> Self {
        Self(self.0.and_then(|shape| value(shape, key)))
    }

    /// The value of a key with dots.
    pub fn path(self, path: &[Word]) -> Self {
        path.iter().fold(self, |place, word| place.value(word.raw.trim_matches(['"', '\''])))
    }

    /// An item of the list that is here.
    pub fn item(self) -> Self {
        Self(self.0.and_then(item))
    }

    /// How a text here is quoted.
    pub fn style(self) -> Style {
        match self.0 {
            Some(Shape::Condition) => Style::Literal,
            _ => Style::Basic,
        }
    }

    /// The entries of a table here, in the order in which they are read best.
    pub fn sorted(self, entries: &[Entry]) -> Vec<&Entry> {
        let mut sorted: Vec<_> = entries.iter().collect();
        // Stable: what the language does not know keeps its order, behind what it knows.
        sorted.sort_by_key(|entry| {
            let first = entry.key.first().map_or("", |word| word.raw.trim_matches(['"', '\'']));
            self.0.map_or(0, |shape| rank(shape, first))
        });
        sorted
    }
}

fn value(shape: Shape, key: &str) -> Option<Shape> {
    let of =
        |keys: &'static [Key]| keys.iter().find(|known| known.name == key).map(|key| key.shape);
    match shape {
        Shape::Table(keys) => of(keys),
        Shape::Map(value) => Some(*value),
        Shape::Action => actions::find(key).map(|kind| Shape::Table(kind.keys)),
        // `[rule.a.do.mute]` goes on in the last item.
        Shape::List(item, _) => value(*item, key),
        Shape::Either(shapes) => shapes.iter().find_map(|one| value(*one, key)),
        _ => None,
    }
}

fn item(shape: Shape) -> Option<Shape> {
    match shape {
        Shape::List(item, _) => Some(*item),
        Shape::Either(shapes) => shapes.iter().find_map(|one| item(*one)),
        _ => None,
    }
}

fn rank(shape: Shape, key: &str) -> usize {
    match shape {
        Shape::Table(keys) => keys.iter().position(|known| known.name == key).unwrap_or(keys.len()),
        Shape::Action => usize::from(actions::find(key).is_none()),
        Shape::Either(shapes) => {
            let table = |one: &&Shape| matches!(one, Shape::Table(_));
            shapes.iter().find(table).map_or(0, |table| rank(*table, key))
        }
        _ => 0,
    }
}
