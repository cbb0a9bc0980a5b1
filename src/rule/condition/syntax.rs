//! The syntax tree of one clause with the places of its parts, and syntax errors in our words.

use std::ops::Range;
use std::sync::LazyLock;

use cel::Env;
use cel::common::ast::{Expr, IdedExpr, SourceInfo, operators};

use super::token::{Kind, Tokens, syntax};
use crate::rule::mistake::{Code, Mistake};

/// The condition cannot be read.
pub const SYNTAX: Code = Code("R020");

/// Without macros, so that `exists` and `has` stay the calls that were written.
static PLAIN: LazyLock<Env> = LazyLock::new(|| Env::default().with_optional_support(false));

/// One clause as written: macros are not expanded.
#[derive(Debug)]
pub struct Tree<'a> {
    pub tokens: &'a Tokens<'a>,
    pub root: IdedExpr,
    /// Where the clause begins in the condition; the parser counts from there.
    base: usize,
    offsets: SourceInfo,
}

impl<'a> Tree<'a> {
    /// Parses the clause that stands in `range`, with the recursive parser of `cel`. Its other parser
    /// (feature `parser_pratt`) is faster but not public, and overflows on the same long chains;
    /// [`Tokens`] keeps both dangers away.
    ///
    /// # Errors
    ///
    /// R020, for the first place only: what the parser says about the rest are consequences.
    pub fn parse(tokens: &'a Tokens<'a>, range: Range<usize>) -> Result<Self, Mistake> {
        let text = &tokens.text[range.clone()];
        if text.trim().is_empty() {
            let range = range.start..range.start;
            return Err(syntax(range, "a condition is missing beside `&&`".to_owned()));
        }
        match PLAIN.parser().parse_with_source_info(text) {
            Ok((root, offsets)) => Ok(Self { tokens, root, base: range.start, offsets }),
            Err(errors) => {
                let first = errors.errors.into_iter().next();
                let (line, column) = first.as_ref().map_or((1, 1), |error| error.pos);
                let message = first.map(|error| error.msg).unwrap_or_default();
                let byte = range.start + byte_of(text, line, column);
                Err(translate(tokens, range, byte, &message))
            }
        }
    }

    /// Where a part of the tree was written, brackets that belong to it included.
    pub fn range(&self, part: &IdedExpr) -> Range<usize> {
        self.widen(self.bare_range(part))
    }

    /// The text of a part of the tree.
    pub fn text(&self, part: &IdedExpr) -> &'a str {
        &self.tokens.text[self.range(part)]
    }

    /// The same for a sentence: on one line and not long.
    pub fn shown(&self, part: &IdedExpr) -> String {
        const LONGEST: usize = 60;
        let text = self.text(part).split_whitespace().collect::<Vec<_>>().join(" ");
        match text.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text,
        }
    }

    /// The index of the token that a node is anchored at: an operator, a dot, an opening bracket, or
    /// the token itself.
    fn anchor(&self, part: &IdedExpr) -> Option<usize> {
        let (start, _) = self.offsets.offset_for(part.id)?;
        self.tokens.at(self.base + start as usize)
    }

    /// The place of the name of a call or a selected field.
    pub fn name_range(&self, part: &IdedExpr) -> Range<usize> {
        let Some(anchor) = self.anchor(part) else { return self.range(part) };
        let name = match &part.expr {
            Expr::Call(_) => anchor.checked_sub(1),
            Expr::Select(_) => Some(anchor + 1),
            _ => Some(anchor),
        };
        let token = name.and_then(|index| self.tokens.list.get(index));
        token.map_or_else(|| self.range(part), |token| token.range.clone())
    }

    fn bare_range(&self, part: &IdedExpr) -> Range<usize> {
        let Some(anchor) = self.anchor(part) else {
            return self.base..self.tokens.text.len();
        };
        let own = self.tokens.list[anchor].range.clone();
        let closing = self.tokens.list[anchor].partner;
        let closing = closing.map_or(own.end, |index| self.tokens.list[index].range.end);
        match &part.expr {
            Expr::Select(select) => self.range(&select.operand).start..self.name_range(part).end,
            Expr::Call(call) => match (&call.target, call.args.as_slice()) {
                (Some(target), _) => self.range(target).start..closing,
                (None, [one, ..]) if call.func_name == operators::INDEX => {
                    self.range(one).start..closing
                }
                (None, [one]) if is_operator(&call.func_name) => own.start..self.range(one).end,
                (None, [first, .., last]) if is_operator(&call.func_name) => {
                    self.range(first).start..self.range(last).end
                }
                _ => self.name_range(part).start..closing,
            },
            Expr::Literal(_) => self.signed(anchor, own),
            _ => own.start..closing,
        }
    }

    /// The minus of a negative literal is not part of the parser's token.
    fn signed(&self, anchor: usize, own: Range<usize>) -> Range<usize> {
        let token = |index: usize| self.tokens.list.get(index);
        let minus = anchor.checked_sub(1).and_then(token);
        let minus = minus.filter(|token| {
            self.tokens.list[anchor].kind == Kind::Number
                && self.tokens.word(token) == "-"
                && token.range.end == own.start
        });
        let sign = minus.filter(|_| {
            anchor.checked_sub(2).and_then(token).is_none_or(|before| {
                matches!(before.kind, Kind::Operator | Kind::Open | Kind::Comma)
            })
        });
        sign.map_or(own.start, |sign| sign.range.start)..own.end
    }

    /// Takes in the partner of every bracket that the range holds only one of.
    fn widen(&self, mut range: Range<usize>) -> Range<usize> {
        loop {
            let inside = self.tokens.list.iter().filter(|token| range.contains(&token.range.start));
            let mut wider = range.clone();
            for partner in inside.filter_map(|token| token.partner) {
                let partner = &self.tokens.list[partner].range;
                wider = wider.start.min(partner.start)..wider.end.max(partner.end);
            }
            if wider == range {
                return range;
            }
            range = wider;
        }
    }
}

/// Whether a call of that name was written as an operator.
pub fn is_operator(name: &str) -> bool {
    name.contains('_') && !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || name == operators::IN
}

/// The byte of a one-based line and a one-based column in characters.
fn byte_of(text: &str, line: isize, column: isize) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
    let inside = lines.next().unwrap_or("");
    let chars = inside.chars().take(column.saturating_sub(1));
    before + chars.map(char::len_utf8).sum::<usize>()
}

/// What the parser says, in words of conditions.
fn translate(tokens: &Tokens<'_>, clause: Range<usize>, byte: usize, said: &str) -> Mistake {
    let here = tokens.at(byte).filter(|index| tokens.list[*index].range.start < clause.end);
    let Some(here) = here else {
        let last = tokens.list.iter().rfind(|token| token.range.end <= clause.end);
        let behind = last.map_or(clause.clone(), |token| token.range.clone());
        let mut mistake = syntax(behind.clone(), "the condition ends too early".to_owned());
        mistake.label = format!("something is missing behind `{}`", &tokens.text[behind]);
        return mistake;
    };
    let token = &tokens.list[here];
    let word = tokens.word(token);
    let operand = |kind: Kind| matches!(kind, Kind::Word | Kind::Number | Kind::Text);
    let before = here.checked_sub(1).map(|index| &tokens.list[index]);
    let mut mistake = syntax(token.range.clone(), format!("`{word}` is not expected here"));
    if tokens.text.contains("{{") {
        mistake.message = "names stand in a condition without braces".to_owned();
        mistake.label = "braces are for texts".to_owned();
    } else if said.contains("reserved identifier") {
        mistake.message = format!("`{word}` is a reserved word and not a name");
    } else if said.contains("invalid int") {
        mistake.message = format!("`{word}` is too large");
    } else if let Some(before) = before
        && (operand(before.kind) || before.kind == Kind::Close)
        && (operand(token.kind) || token.kind == Kind::Open)
    {
        let left = tokens.word(before);
        mistake.label = format!("an operator is missing between `{left}` and `{word}`");
    } else if let Some(before) = before {
        mistake.label = format!("behind `{}`", tokens.word(before));
    }
    mistake
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of all parts, in the order of the tree.
    fn parts(text: &str) -> Vec<String> {
        let tokens = Tokens::read(text).unwrap();
        let tree = Tree::parse(&tokens, 0..text.len()).unwrap();
        let mut parts = Vec::new();
        collect(&tree, &tree.root, &mut parts);
        parts
    }

    fn collect(tree: &Tree<'_>, part: &IdedExpr, parts: &mut Vec<String>) {
        parts.push(tree.text(part).to_owned());
        match &part.expr {
            Expr::Call(call) => {
                let target = call.target.as_deref().into_iter();
                target.chain(&call.args).for_each(|part| collect(tree, part, parts));
            }
            Expr::Select(select) => collect(tree, &select.operand, parts),
            Expr::List(list) => list.elements.iter().for_each(|part| collect(tree, part, parts)),
            _ => {}
        }
    }

    fn refused(text: &str) -> (String, String, String) {
        let tokens = Tokens::read(text).unwrap();
        let mistake = Tree::parse(&tokens, 0..text.len()).unwrap_err();
        assert_eq!(mistake.code, SYNTAX);
        (text[mistake.range].to_owned(), mistake.message, mistake.label)
    }

    #[test]
    fn every_part_knows_where_it_was_written() {
        assert_eq!(
            parts("\"ü\" == x.f(1, [-2, y][0]).g"),
            [
                "\"ü\" == x.f(1, [-2, y][0]).g",
                "\"ü\"",
                "x.f(1, [-2, y][0]).g",
                "x.f(1, [-2, y][0])",
                "x",
                "1",
                "[-2, y][0]",
                "[-2, y]",
                "-2",
                "y",
                "0"
            ]
        );
        assert_eq!(parts("(a) == (b)"), ["(a) == (b)", "a", "b"]);
        assert_eq!(parts("(a + b).c"), ["(a + b).c", "a + b", "a", "b"]);
        assert_eq!(parts("!(a in b)"), ["!(a in b)", "a in b", "a", "b"]);
        assert_eq!(parts("a ? f(b) : c"), ["a ? f(b) : c", "a", "f(b)", "b", "c"]);
        assert_eq!(parts("a -1"), ["a -1", "a", "1"]);
    }

    #[test]
    fn a_long_part_is_cut_for_a_sentence() {
        let text = format!("a  == \"{}\"", "猫".repeat(80));
        let tokens = Tokens::read(&text).unwrap();
        let tree = Tree::parse(&tokens, 0..text.len()).unwrap();
        assert_eq!(tree.shown(&tree.root), format!("a == \"{}…", "猫".repeat(54)));
    }

    #[test]
    fn a_part_of_a_later_clause_is_found_too() {
        let text = "a && b.c == 'x'";
        let tokens = Tokens::read(text).unwrap();
        let tree = Tree::parse(&tokens, 5..text.len()).unwrap();
        assert_eq!(tree.range(&tree.root), 5..15);
    }

    #[test]
    fn a_missing_operator_is_named() {
        assert_eq!(
            refused("member muted"),
            (
                "muted".into(),
                "`muted` is not expected here".into(),
                "an operator is missing between `member` and `muted`".into()
            )
        );
    }

    #[test]
    fn an_unfinished_condition_is_marked_where_it_stops() {
        assert_eq!(
            refused("count >"),
            (
                ">".into(),
                "the condition ends too early".into(),
                "something is missing behind `>`".into()
            )
        );
    }

    #[test]
    fn a_doubled_operator_is_marked() {
        assert_eq!(refused("a == == b").0, "==");
        assert_eq!(refused("a == == b").2, "behind `==`");
        assert_eq!(refused("f(,)").0, ",");
    }

    #[test]
    fn reserved_words_and_large_numbers_are_named() {
        assert_eq!(refused("if == 1").1, "`if` is a reserved word and not a name");
        assert_eq!(refused("a == 99999999999999999999").1, "`99999999999999999999` is too large");
    }

    #[test]
    fn places_behind_characters_of_several_bytes_are_right() {
        assert_eq!(refused("\"猫猫\" == a b").0, "b");
        assert_eq!(refused("\"猫\" ==\n \"猫\" b").0, "b");
    }

    #[test]
    fn an_empty_clause_is_a_mistake() {
        let tokens = Tokens::read("a && ").unwrap();
        let range = tokens.clauses().remove(1);
        assert_eq!(
            Tree::parse(&tokens, range).unwrap_err().message,
            "a condition is missing beside `&&`"
        );
    }
}
