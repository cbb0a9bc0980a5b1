//! What members wrote, and how they call themselves, for people who read it on a terminal.

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

/// Whether a character ends a line, moves the cursor or turns the direction of writing; as actions are
/// written (`decision/effect.rs`).
pub fn turns(character: char) -> bool {
    let of_format = '\u{2028}'..='\u{202e}';
    let isolates = '\u{2066}'..='\u{2069}';
    character.is_control() || of_format.contains(&character) || isolates.contains(&character)
}
