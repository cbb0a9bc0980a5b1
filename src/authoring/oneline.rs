//! What members wrote, and how they call themselves, for people who read it on a terminal.

use crate::decision::effect::turns;

/// Text that stays on its line and moves no cursor: with `\n` and `\u{1b}` for what would.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if turns(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
