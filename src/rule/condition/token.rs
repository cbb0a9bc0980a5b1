//! The tokens of a condition, and the mistakes that show before anything is parsed.
//!
//! The CEL parser recurses and would overflow the stack on deep nesting, which aborts the process;
//! and its messages speak of its grammar. So length, nesting, quotes and brackets are checked here.

use std::ops::Range;

use super::lexer;
use super::syntax::SYNTAX;
use crate::rule::mistake::{Code, Mistake};

const TOO_LARGE: Code = Code("R022");

/// Bytes of one condition.
pub const MAX_LENGTH: usize = 2_000;

/// Brackets and `?:` within each other. Measured with the parser's `opt-level = 1`: 48 levels fit a
/// stack of 512 KiB; threads have 2 MiB.
pub const MAX_NESTING: usize = 16;

/// Operators and dots in one chain: `a + b + c` is a tree as deep as the chain is long. Measured in a
/// debug build: 100 fit a stack of 1 MiB. `&&` and `||` are balanced by the parser and do not count.
pub const MAX_CHAIN: usize = 100;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    Number,
    Text,
    Operator,
    Open,
    Close,
    Comma,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
    /// Of a bracket: the index of its partner.
    pub partner: Option<usize>,
    /// How many brackets are open around it.
    pub depth: usize,
}

/// A condition in tokens.
#[derive(Debug)]
pub struct Tokens<'a> {
    pub text: &'a str,
    pub list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    /// Splits a condition.
    ///
    /// # Errors
    ///
    /// R022 when it is too large to be parsed; R020 for what cannot be a condition: no text at all,
    /// characters and operators that CEL lacks, quotes and brackets without a partner.
    pub fn read(text: &'a str) -> Result<Self, Vec<Mistake>> {
        if text.len() > MAX_LENGTH {
            let message = format!("this condition has {} bytes", text.len());
            let mut mistake = Mistake { code: TOO_LARGE, ..syntax(0..text.len(), message) };
            mistake.label = format!("at most {MAX_LENGTH}");
            mistake.help = Some("split it over several rules".to_owned());
            return Err(vec![mistake]);
        }
        let (list, mut mistakes) = lexer::split(text);
        let mut tokens = Self { text, list };
        if tokens.list.is_empty() && mistakes.is_empty() {
            mistakes.push(syntax(0..text.len(), "this condition is empty".to_owned()));
        }
        mistakes.extend(tokens.match_brackets());
        mistakes.extend(tokens.too_deep());
        mistakes.extend(tokens.confusions());
        mistakes.sort_by_key(|mistake| mistake.range.start);
        if mistakes.is_empty() { Ok(tokens) } else { Err(mistakes) }
    }

    /// The text of a token.
    pub fn word(&self, token: &Token) -> &'a str {
        &self.text[token.range.clone()]
    }

    /// The index of the token that covers a byte.
    pub fn at(&self, byte: usize) -> Option<usize> {
        self.list.iter().position(|token| token.range.contains(&byte))
    }

    /// Byte ranges of the top-level `&&` clauses. `a || b && c` and `a ? b : c && d` are one clause,
    /// since `&&` binds closer than `||` and `?:`.
    pub fn clauses(&self) -> Vec<Range<usize>> {
        let top = |token: &&Token| token.depth == 0 && token.kind == Kind::Operator;
        let loose = |token: &Token| matches!(self.word(token), "||" | "?");
        if self.list.iter().filter(top).any(loose) {
            return vec![self.trim(0..self.text.len())];
        }
        let mut clauses = Vec::new();
        let mut start = 0;
        for token in self.list.iter().filter(top).filter(|token| self.word(token) == "&&") {
            clauses.push(self.trim(start..token.range.start));
            start = token.range.end;
        }
        clauses.push(self.trim(start..self.text.len()));
        clauses
    }

    fn trim(&self, range: Range<usize>) -> Range<usize> {
        let inside = |token: &&Token| range.contains(&token.range.start);
        let first = self.list.iter().find(inside).map_or(range.start, |token| token.range.start);
        let last = self.list.iter().rfind(inside).map_or(range.end, |token| token.range.end);
        first..last
    }

    /// Pairs brackets up and sets the depth of every token.
    fn match_brackets(&mut self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for index in 0..self.list.len() {
            let word = &self.text[self.list[index].range.clone()];
            if self.list[index].kind == Kind::Close {
                let fits = open
                    .last()
                    .is_some_and(|opener| closer(self.word(&self.list[*opener])) == word);
                if fits && let Some(opener) = open.pop() {
                    self.list[opener].partner = Some(index);
                    self.list[index].partner = Some(opener);
                } else {
                    let range = self.list[index].range.clone();
                    mistakes.push(syntax(range, format!("`{word}` closes nothing")));
                    // What follows would only repeat it.
                    return mistakes;
                }
            }
            self.list[index].depth = open.len();
            if self.list[index].kind == Kind::Open {
                open.push(index);
            }
        }
        for opener in open {
            let word = self.word(&self.list[opener]);
            let mut mistake =
                syntax(self.list[opener].range.clone(), format!("`{word}` is never closed"));
            mistake.help = Some(format!("write `{}` where it ends", closer(word)));
            mistakes.push(mistake);
        }
        mistakes
    }

    fn too_deep(&self) -> Option<Mistake> {
        let questions = self.list.iter().filter(|token| self.word(token) == "?").count();
        let deep = self.list.iter().find(|token| token.depth + questions > MAX_NESTING);
        let (token, label) = match (deep, self.too_long_chain()) {
            (Some(token), _) => {
                (token, format!("at most {MAX_NESTING} levels of brackets and `?:`"))
            }
            (None, Some(token)) => (token, format!("at most {MAX_CHAIN} operators in a row")),
            (None, None) => return None,
        };
        let mut mistake =
            syntax(token.range.clone(), "this condition is nested too deeply".to_owned());
        mistake.code = TOO_LARGE;
        mistake.label = label;
        mistake.help = Some("split it over several rules".to_owned());
        Some(mistake)
    }

    /// The token at which the tree gets deeper than the longest chain allowed, chains within brackets
    /// added to the one around them.
    fn too_long_chain(&self) -> Option<&Token> {
        let mut around: Vec<Chain> = Vec::new();
        let mut chain = Chain::default();
        for token in &self.list {
            match (token.kind, self.word(token)) {
                (Kind::Open, _) => around.push(std::mem::take(&mut chain)),
                (Kind::Close, _) => {
                    let inner = chain.end();
                    chain = around.pop().unwrap_or_default();
                    chain.inner = chain.inner.max(inner + 1);
                }
                (Kind::Comma, _) | (Kind::Operator, "&&" | "||" | "?" | ":") => {
                    chain = Chain { longest: chain.end(), ..Chain::default() };
                }
                (Kind::Operator, _) | (Kind::Word, "in") => chain.length += 1,
                _ => {}
            }
            if chain.end() > MAX_CHAIN {
                return Some(token);
            }
        }
        None
    }

    /// Operators of other languages.
    fn confusions(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (index, token) in self.list.iter().enumerate() {
            let word = self.word(token);
            let behind_operand =
                index.checked_sub(1).is_some_and(|before| self.ends_operand(&self.list[before]));
            let behind_dot =
                index.checked_sub(1).is_some_and(|before| self.word(&self.list[before]) == ".");
            let proper = match (token.kind, word.to_ascii_lowercase().as_str()) {
                (Kind::Operator, "=" | "===") => "==",
                (Kind::Operator, "!==" | "<>") => "!=",
                (Kind::Operator, "=>") => ">=",
                (Kind::Operator, "=<") => "<=",
                (Kind::Operator, "&") => "&&",
                (Kind::Operator, "|") => "||",
                (Kind::Operator, "=~") => "matches",
                (Kind::Word, "and") if behind_operand => "&&",
                (Kind::Word, "or") if behind_operand => "||",
                (Kind::Word, "is") if behind_operand => "==",
                (Kind::Word, "in") if behind_operand && word != "in" => "in",
                (Kind::Word, "like" | "ilike") if behind_operand && !behind_dot => "contains",
                (Kind::Word, "not") if !behind_dot => "!",
                _ => continue,
            };
            mistakes.push(self.confusion(token, word, proper));
        }
        mistakes
    }

    fn confusion(&self, token: &Token, word: &str, proper: &str) -> Mistake {
        let mut mistake =
            syntax(token.range.clone(), format!("`{word}` is not an operator of conditions"));
        mistake.help = Some(match proper {
            "matches" => "write `text.matches(\"pattern\")`".to_owned(),
            "contains" => "write `text.contains(\"part\")`".to_owned(),
            "!" => self.negated(token),
            _ => self.replaced(token.range.clone(), proper),
        });
        if word == "=" {
            mistake.message = "`=` does not compare".to_owned();
        }
        mistake
    }

    /// `not a` and `a not in b` in CEL, up to the next `&&`, `||` or bracket that closes.
    fn negated(&self, not: &Token) -> String {
        let ends = |token: &&Token| {
            token.depth <= not.depth && matches!(self.word(token), "&&" | "||" | "and" | "or" | ")")
        };
        let behind = self.list.iter().filter(|token| token.range.start >= not.range.end);
        let end = behind.clone().find(ends).map_or(self.text.len(), |token| token.range.start);
        let rest = self.text[not.range.end..end].trim();
        let before = self.list.iter().rev().filter(|token| token.range.end <= not.range.start);
        let mut operand = before.take_while(|token| !ends(token) && self.word(token) != "(");
        let first = operand.by_ref().last().map(|token| token.range.start);
        match first {
            Some(start) if rest.starts_with("in ") => {
                let element = self.text[start..not.range.start].trim();
                let whole = format!("!({element} {rest})");
                self.replaced(
                    start..not.range.end + self.text[not.range.end..end].trim_end().len(),
                    &whole,
                )
            }
            None if !rest.is_empty() => {
                let simple = rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
                let bracketed = rest.starts_with('(') && rest.ends_with(')');
                let whole =
                    if simple || bracketed { format!("!{rest}") } else { format!("!({rest})") };
                let stop = not.range.end + self.text[not.range.end..end].trim_end().len();
                self.replaced(not.range.start..stop, &whole)
            }
            _ => "write `!(…)`".to_owned(),
        }
    }

    fn ends_operand(&self, token: &Token) -> bool {
        match token.kind {
            Kind::Word => self.word(token) != "in",
            Kind::Number | Kind::Text | Kind::Close => true,
            Kind::Operator | Kind::Open | Kind::Comma => false,
        }
    }

    /// A proposal: the whole condition with one place replaced, or only the replacement when long.
    pub fn replaced(&self, range: Range<usize>, with: &str) -> String {
        const LONG: usize = 100;
        let whole = format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..]);
        if whole.len() > LONG || whole.contains('\n') {
            format!("write `{with}`")
        } else {
            format!("write `{}`", whole.trim())
        }
    }
}

/// Operators in a row, within one pair of brackets.
#[derive(Default)]
struct Chain {
    /// Of the chains before this one.
    longest: usize,
    length: usize,
    /// Of the chains in brackets that belong to this one.
    inner: usize,
}

impl Chain {
    fn end(&self) -> usize {
        self.longest.max(self.length + self.inner)
    }
}

/// An R020 without label and help.
pub fn syntax(range: Range<usize>, message: String) -> Mistake {
    Mistake { code: SYNTAX, range, message, label: String::new(), help: None }
}

fn closer(opener: &str) -> &'static str {
    match opener {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clauses(text: &str) -> Vec<&str> {
        Tokens::read(text).unwrap().clauses().into_iter().map(|range| &text[range]).collect()
    }

    fn told(text: &str) -> Vec<(&str, String, Option<String>)> {
        let mistakes = Tokens::read(text).unwrap_err();
        let mark = |mistake: Mistake| {
            assert!(matches!(mistake.code.0, "R020" | "R022"));
            (&text[mistake.range.clone()], mistake.message, mistake.help)
        };
        mistakes.into_iter().map(mark).collect()
    }

    fn one(text: &str) -> (&str, String, Option<String>) {
        let mut all = told(text);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn clauses_are_split_at_the_top_only() {
        assert_eq!(clauses(" a && b.c(d && e) && [f && g]"), ["a", "b.c(d && e)", "[f && g]"]);
        assert_eq!(clauses("a == \"x && y\" && b"), ["a == \"x && y\"", "b"]);
        assert_eq!(clauses("(a && b) && c"), ["(a && b)", "c"]);
    }

    #[test]
    fn what_binds_looser_than_and_is_not_split() {
        assert_eq!(clauses("a || b && c"), ["a || b && c"]);
        assert_eq!(clauses("a ? b : c && d"), ["a ? b : c && d"]);
        assert_eq!(clauses("(a || b) && c"), ["(a || b)", "c"]);
    }

    #[test]
    fn operators_of_other_languages_are_translated() {
        let (place, message, help) = one("member.role = \"admin\"");
        assert_eq!((place, message.as_str()), ("=", "`=` does not compare"));
        assert_eq!(help.unwrap(), "write `member.role == \"admin\"`");
        assert_eq!(one("a & b").2.unwrap(), "write `a && b`");
        assert_eq!(one("a or b").2.unwrap(), "write `a || b`");
        assert_eq!(one("a AND b").2.unwrap(), "write `a && b`");
        assert_eq!(one("a <> b").2.unwrap(), "write `a != b`");
        assert_eq!(one("a === b").2.unwrap(), "write `a == b`");
        assert_eq!(one("not a").2.unwrap(), "write `!a`");
        assert_eq!(one("not a == b").2.unwrap(), "write `!(a == b)`");
        assert_eq!(one("c && not a && b").2.unwrap(), "write `c && !a && b`");
        assert_eq!(one("c && a not in [b] && d").2.unwrap(), "write `c && !(a in [b]) && d`");
        assert_eq!(one("(a not in b)").2.unwrap(), "write `(!(a in b))`");
        assert_eq!(one("a not").2.unwrap(), "write `!(…)`");
        assert_eq!(one("a is b").2.unwrap(), "write `a == b`");
        assert_eq!(one("a =~ \"b\"").2.unwrap(), "write `text.matches(\"pattern\")`");
    }

    #[test]
    fn every_confusion_of_a_condition_is_told() {
        let all = told("a = 1 and b = 2");
        assert_eq!(all.iter().map(|(place, ..)| *place).collect::<Vec<_>>(), ["=", "and", "="]);
    }

    #[test]
    fn quotes_and_brackets_without_a_partner_are_marked() {
        assert_eq!(one("a == \"b").1, "this text is never closed with `\"`");
        assert_eq!(one("a == \"b").0, "\"b");
        assert_eq!(one("(a == 1").1, "`(` is never closed");
        assert_eq!(one("a == 1)").1, "`)` closes nothing");
        assert_eq!(one("[a)").1, "`)` closes nothing");
    }

    #[test]
    fn typographic_quotes_are_recognised() {
        let all = told("a == “b”");
        assert_eq!(all[0].0, "“");
        assert_eq!(all[0].2.as_deref(), Some("texts stand in straight quotes: write `\"`"));
    }

    #[test]
    fn an_escape_that_means_nothing_asks_for_a_raw_text() {
        let (place, message, help) = one("a.matches(\"\\d+\")");
        assert_eq!((place, message.as_str()), ("\\d", "`\\d` means nothing in a text"));
        assert!(help.unwrap().ends_with("r\"\\d…\""));
        assert_eq!(clauses("a.matches(r\"\\d+\")").len(), 1);
        assert_eq!(clauses("a == \"\\\"\" && b"), ["a == \"\\\"\"", "b"]);
    }

    #[test]
    fn a_bare_duration_asks_for_the_function() {
        assert_eq!(one("a < 24h").2.unwrap(), "write `duration(\"24h\")`");
    }

    #[test]
    fn nothing_and_comments_are_not_conditions() {
        assert_eq!(one("  ").1, "this condition is empty");
        assert_eq!(one("a // b").1, "a condition has no comments");
    }

    #[test]
    fn too_long_and_too_deep_are_refused_before_parsing() {
        let long = format!("a == \"{}\"", "x".repeat(MAX_LENGTH));
        assert_eq!(one(&long).1, "this condition has 2007 bytes");
        let deep = format!("{}a{}", "(".repeat(MAX_NESTING + 1), ")".repeat(MAX_NESTING + 1));
        assert_eq!(one(&deep).1, "this condition is nested too deeply");
        let fits = format!("{}a{}", "(".repeat(MAX_NESTING), ")".repeat(MAX_NESTING));
        assert_eq!(clauses(&fits).len(), 1);
        let too_deep = "this condition is nested too deeply";
        assert_eq!(one(&"a ? b : ".repeat(MAX_NESTING + 1)).1, too_deep);
        assert_eq!(one(&format!("a{}", " + 1".repeat(MAX_CHAIN + 1))).1, too_deep);
        let half = " + 1".repeat(MAX_CHAIN / 2);
        assert_eq!(one(&format!("(a || a{half}){half}")).1, too_deep);
        assert_eq!(clauses(&format!("a{half} || a{half} || (a{half}, a{half})")).len(), 1);
        assert!(Tokens::read(&format!("[{}1]", "1, ".repeat(600))).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_marked_within_its_bounds(text in "[a-z\"'\\\\(){}\\[\\] &|=.猫“0-9]{0,40}") {
            match Tokens::read(&text) {
                Ok(tokens) => prop_assert!(tokens.clauses().iter().all(|range| text.get(range.clone()).is_some())),
                Err(mistakes) => prop_assert!(mistakes.iter().all(|mistake| text.get(mistake.range.clone()).is_some())),
            }
        }
    }
}
