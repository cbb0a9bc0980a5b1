//! The static type of a part of a condition.

use crate::rule::catalog::Type;

/// A type; lists know what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Not known before it is judged (`event.body`), or already complained about.
    Any,
    /// Never a list or an object.
    One(Type),
    List(Box<Shape>),
}

pub const BOOL: Shape = Shape::One(Type::Bool);
pub const INT: Shape = Shape::One(Type::Int);
pub const DOUBLE: Shape = Shape::One(Type::Double);
pub const STRING: Shape = Shape::One(Type::String);
pub const TIMESTAMP: Shape = Shape::One(Type::Timestamp);
pub const DURATION: Shape = Shape::One(Type::Duration);

impl From<Type> for Shape {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Strings => Self::List(Box::new(STRING)),
            Type::Dynamic | Type::Object(_) => Self::Any,
            other => Self::One(other),
        }
    }
}

impl Shape {
    /// "a string", "an int", "a list of strings".
    pub fn name(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::One(Type::Int) => "an int".to_owned(),
            Self::One(Type::Null) => "null".to_owned(),
            Self::One(kind) => format!("a {}", kind.name()),
            Self::List(element) => match element.as_ref() {
                Self::One(kind) => format!("a list of {}s", kind.name()),
                Self::List(_) | Self::Any => "a list".to_owned(),
            },
        }
    }

    /// Whether this can stand where the other is wanted.
    pub fn fits(&self, wanted: &Shape) -> bool {
        match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(one), Self::List(other)) => one.fits(other),
            (one, other) => one == other,
        }
    }

    /// Whether this can be an argument (or receiver) of a function; `Strings` means any list there.
    pub fn fits_parameter(&self, wanted: Type) -> bool {
        match (self, wanted) {
            (Self::Any | Self::List(_), Type::Strings) => true,
            _ => self.fits(&Shape::from(wanted)),
        }
    }

    /// Whether `==` between the two can ever be true; ints and doubles compare by value.
    pub fn equals(&self, other: &Shape) -> bool {
        let numbers = self.is_number() && other.is_number();
        numbers || self.fits(other)
    }

    /// Int or double.
    pub fn is_number(&self) -> bool {
        *self == INT || *self == DOUBLE
    }

    /// Whether `<` orders such values.
    pub fn is_ordered(&self) -> bool {
        self.is_number() || [STRING, TIMESTAMP, DURATION].contains(self) || *self == Self::Any
    }
}
