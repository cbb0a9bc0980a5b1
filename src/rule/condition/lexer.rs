//! Splits a condition into tokens, and notices what no condition contains.

use super::token::{Kind, Token, syntax};
use crate::rule::duration;
use crate::rule::mistake::Mistake;

/// Operators, longest first; those of one character that CEL lacks are mistakes (see `confusions`).
const OPERATORS: [&str; 26] = [
    "===", "!==", "&&", "||", "==", "!=", "<=", ">=", "=<", "=>", "=~", "<>", "=", "&", "|", "<",
    ">", "+", "-", "*", "/", "%", "!", "?", ":", ".",
];

/// The tokens of a text, their brackets not yet paired, and R020 for what is none.
pub fn split(text: &str) -> (Vec<Token>, Vec<Mistake>) {
    let mut lexer = Lexer { text, at: 0, list: Vec::new(), mistakes: Vec::new() };
    lexer.run();
    (lexer.list, lexer.mistakes)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    list: Vec<Token>,
    mistakes: Vec<Mistake>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(next) = self.text[self.at..].chars().next() {
            match next {
                c if c.is_ascii_whitespace() => self.at += 1,
                '"' | '\'' => self.string(0),
                c if c.is_ascii_alphabetic() || c == '_' => self.word_or_string(),
                c if c.is_ascii_digit() => self.number(),
                '(' | '[' | '{' => self.push(Kind::Open, 1),
                ')' | ']' | '}' => self.push(Kind::Close, 1),
                ',' => self.push(Kind::Comma, 1),
                c => self.operator(c),
            }
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let range = self.at..self.at + length;
        self.list.push(Token { kind, range, partner: None, depth: 0 });
        self.at += length;
    }

    fn run_of(&self, of: impl Fn(char) -> bool) -> usize {
        let rest = &self.text[self.at..];
        rest.len() - rest.trim_start_matches(of).len()
    }

    fn word_or_string(&mut self) {
        let length = self.run_of(|c| c.is_ascii_alphanumeric() || c == '_');
        let word = &self.text[self.at..self.at + length];
        let quoted = self.text[self.at + length..].starts_with(['"', '\'']);
        match word {
            "r" | "R" if quoted => self.string(1),
            _ => self.push(Kind::Word, length),
        }
    }

    fn number(&mut self) {
        let whole = self.run_of(|c| c.is_ascii_alphanumeric());
        let rest = &self.text[self.at + whole..];
        let fraction = rest.strip_prefix('.').map_or(0, |digits| {
            let kept = digits.trim_start_matches(|c: char| c.is_ascii_digit());
            digits.len() - kept.len()
        });
        let length = if fraction > 0 { whole + 1 + fraction } else { whole };
        let text = &self.text[self.at..self.at + length];
        if text.contains(|c: char| c.is_ascii_alphabetic()) {
            let mut mistake =
                syntax(self.at..self.at + length, format!("`{text}` is not a number"));
            if duration::parse(text).is_ok() {
                mistake.help = Some(format!("write `duration(\"{text}\")`"));
            }
            self.mistakes.push(mistake);
        }
        self.push(Kind::Number, length);
    }

    /// A string; `prefix` is the length of the `r` before it.
    fn string(&mut self, prefix: usize) {
        let rest = &self.text[self.at + prefix..];
        let quote = if rest.starts_with("\"\"\"") || rest.starts_with("'''") {
            &rest[..3]
        } else {
            &rest[..1]
        };
        let mut end = quote.len();
        loop {
            let tail = &rest[end..];
            if tail.starts_with(quote) {
                return self.push(Kind::Text, prefix + end + quote.len());
            }
            let Some(next) = tail.chars().next().filter(|c| *c != '\n' || quote.len() == 3) else {
                let start = self.at;
                self.push(Kind::Text, prefix + end);
                let mut mistake =
                    syntax(start..self.at, format!("this text is never closed with `{quote}`"));
                mistake.help = Some(format!("write `{quote}` where it ends"));
                return self.mistakes.push(mistake);
            };
            if next == '\\' {
                let Some(escaped) = tail[1..].chars().next() else {
                    end += 1;
                    continue;
                };
                if prefix == 0 && !"abfnrtvxXuU01234567\\\"'`?".contains(escaped) {
                    let at = self.at + end;
                    let range = at..at + 1 + escaped.len_utf8();
                    let message = format!("`\\{escaped}` means nothing in a text");
                    let help = format!(
                        "put `r` before the quote, which leaves every `\\` as it is: r{quote}\\{escaped}…{quote}"
                    );
                    self.mistakes.push(Mistake { help: Some(help), ..syntax(range, message) });
                }
                end += escaped.len_utf8();
            }
            end += next.len_utf8();
        }
    }

    fn operator(&mut self, c: char) {
        let rest = &self.text[self.at..];
        if rest.starts_with("//") {
            // CEL knows comments; on one line one would silently take the rest of the condition.
            let mut mistake =
                syntax(self.at..self.text.len(), "a condition has no comments".to_owned());
            mistake.help = Some("put it behind a `#` outside the quotes".to_owned());
            self.mistakes.push(mistake);
            self.at = self.text.len();
            return;
        }
        if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
            return self.push(Kind::Operator, operator.len());
        }
        let range = self.at..self.at + c.len_utf8();
        let mut mistake = syntax(range, format!("`{c}` has no place in a condition"));
        mistake.help = match c {
            '“' | '”' | '„' | '«' | '»' | '＂' | '`' => {
                Some("texts stand in straight quotes: write `\"`".to_owned())
            }
            '‘' | '’' => Some("texts stand in straight quotes: write `'`".to_owned()),
            '；' | ';' => Some("a condition is one expression; join several with `&&`".to_owned()),
            '（' | '）' | '，' | '！' | '＝' | '＜' | '＞' | '：' | '？' => {
                // The full-width forms follow the order of ASCII.
                let ascii = u8::try_from(u32::from(c) - 0xFEE0).map_or('?', char::from);
                Some(format!("write `{ascii}`"))
            }
            '$' => Some("names stand without `$`".to_owned()),
            '@' | '#' => Some("texts, and ids too, stand in quotes".to_owned()),
            '^' | '~' => Some("for patterns write `text.matches(\"pattern\")`".to_owned()),
            _ => None,
        };
        self.mistakes.push(mistake);
        self.at += c.len_utf8();
    }
}
