//! The functions of the condition language: what they are called on, take and give.

use crate::rule::catalog::Type;
use crate::rule::suggest::closest;

/// One way to call a function.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// `None`: called as `name(…)`; otherwise as `receiver.name(…)`.
    pub receiver: Option<Type>,
    pub arguments: &'static [Type],
    pub result: Type,
}

macro_rules! functions {
    ($($name:literal $receiver:tt [$($argument:ident)*] $result:ident)*) => {
        /// All of them. `Strings` as a receiver or argument stands for any list.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            receiver: functions!(@receiver $receiver),
            arguments: &[$(Type::$argument),*],
            result: Type::$result,
        }),*];
    };
    (@receiver -) => { None };
    (@receiver $receiver:ident) => { Some(Type::$receiver) };
}

functions! {
    "startsWith" String [String] Bool
    "endsWith" String [String] Bool
    "contains" String [String] Bool
    "matches" String [String] Bool
    "lowerAscii" String [] String
    "size" String [] Int
    "size" Strings [] Int
    "size" - [String] Int
    "size" - [Strings] Int
    "duration" - [String] Duration
    "timestamp" - [String] Timestamp
    "timestamp" - [Int] Timestamp
    "int" - [Int] Int
    "int" - [Double] Int
    "int" - [String] Int
    "int" - [Timestamp] Int
    "double" - [Double] Double
    "double" - [Int] Double
    "double" - [String] Double
    "string" - [String] String
    "string" - [Bool] String
    "string" - [Int] String
    "string" - [Double] String
    "string" - [Timestamp] String
    "string" - [Duration] String
    "getFullYear" Timestamp [] Int
    "getFullYear" Timestamp [String] Int
    "getMonth" Timestamp [] Int
    "getMonth" Timestamp [String] Int
    "getDate" Timestamp [] Int
    "getDate" Timestamp [String] Int
    "getDayOfWeek" Timestamp [] Int
    "getDayOfWeek" Timestamp [String] Int
    "getHours" Timestamp [] Int
    "getHours" Timestamp [String] Int
    "getMinutes" Timestamp [] Int
    "getMinutes" Timestamp [String] Int
    "getHours" Duration [] Int
    "getMinutes" Duration [] Int
    "getSeconds" Duration [] Int
}

/// Functions that bind a name and judge each element of a list.
pub const COMPREHENSIONS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];

/// What people call a function that has another name here.
const HABITS: [(&str, &str); 16] = [
    ("any", "exists"),
    ("count", "size"),
    ("endswith", "endsWith"),
    ("ends_with", "endsWith"),
    ("includes", "contains"),
    ("len", "size"),
    ("length", "size"),
    ("like", "contains"),
    ("lower", "lowerAscii"),
    ("match", "matches"),
    ("regex", "matches"),
    ("startswith", "startsWith"),
    ("starts_with", "startsWith"),
    ("test", "matches"),
    ("tolower", "lowerAscii"),
    ("tolowercase", "lowerAscii"),
];

/// All overloads of that name.
pub fn named(name: &str) -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(move |function| function.name == name)
}

/// The function that was probably meant.
pub fn meant(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let habit = HABITS.iter().find(|(habit, _)| *habit == lower).map(|(_, name)| *name);
    let known = FUNCTIONS.iter().map(|function| function.name);
    habit.or_else(|| closest(name, known.chain(COMPREHENSIONS).chain(["has"])))
}

impl Function {
    /// How to write it: `text.startsWith(string)`.
    pub fn signature(&self) -> String {
        let arguments: Vec<_> = self.arguments.iter().map(|kind| word(*kind)).collect();
        let receiver = self.receiver.map_or(String::new(), |kind| format!("{}.", word(kind)));
        format!("{receiver}{}({})", self.name, arguments.join(", "))
    }
}

fn word(kind: Type) -> &'static str {
    match kind {
        Type::Strings => "list",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_written_as_calls() {
        let all: Vec<_> = named("size").map(Function::signature).collect();
        assert_eq!(all, ["string.size()", "list.size()", "size(string)", "size(list)"]);
    }

    #[test]
    fn habits_and_slips_lead_to_the_function_that_exists() {
        assert_eq!(meant("toLowerCase"), Some("lowerAscii"));
        assert_eq!(meant("startWith"), Some("startsWith"));
        assert_eq!(meant("any"), Some("exists"));
        assert_eq!(meant("frobnicate"), None);
    }

    #[test]
    fn every_habit_leads_to_a_function() {
        for (_, name) in HABITS {
            assert!(named(name).next().is_some() || COMPREHENSIONS.contains(&name), "{name}");
        }
    }
}
