//! What is told about a rules directory, and files in it, that cannot be read as rules at all.

use super::diagnostic::{Diagnostic, Level};
use super::mistake::Code;
use super::source::Source;

pub const NOT_READABLE: Code = Code("R070");
pub const NO_RULES: Code = Code("R071");

/// A file or directory that the system does not let us read; `why` goes on from "… cannot be read: ".
pub fn not_readable(name: &str, why: &str) -> Diagnostic {
    let spot = Source::new(name, "").spot(0..0);
    Diagnostic::new(Level::Error, NOT_READABLE, spot, format!("this cannot be read: {why}"))
}

/// A file's text, or what is told about bytes that are no UTF-8.
///
/// # Errors
/// The place of the first wrong byte.
pub fn text(name: &str, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        // What stands before the wrong byte keeps its place when the rest is replaced.
        let shown = String::from_utf8_lossy(error.as_bytes());
        let spot = Source::new(name, &shown).spot(start..start + 1);
        let label = match error.as_bytes().get(start) {
            _ if utf16 => "the file begins as UTF-16 does".to_owned(),
            Some(byte) => format!("the byte 0x{byte:02x} is no UTF-8"),
            None => String::new(),
        };
        let told = Diagnostic::new(Level::Error, NOT_READABLE, spot, "this file is not UTF-8")
            .label(label)
            .help("save it as UTF-8".to_owned());
        Box::new(told)
    })
}

/// A directory without any rule: a mount that is gone and a checkout half done look just like it.
pub fn no_rules(directory: &str) -> Diagnostic {
    let spot = Source::new(directory, "").spot(0..0);
    Diagnostic::new(Level::Error, NO_RULES, spot, "there is no rule in this directory")
        .help("to run without rules, leave one in it with `mode = \"off\"`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_no_text_is_told_with_its_place() {
        let bytes = b"[rule.a]\ntitle = \"caf\xe9\"\n".to_vec();
        let expected = "\
error[R070]: this file is not UTF-8
 --> rules/a.toml:2:13
  |
2 | title = \"caf\u{fffd}\"
  |             ^ the byte 0xe9 is no UTF-8
  |
  = help: save it as UTF-8";
        assert_eq!(text("rules/a.toml", bytes).unwrap_err().render(false), expected);
    }

    #[test]
    fn what_cannot_be_read_is_told_without_a_line() {
        let told = not_readable("rules/a.toml", "it is a pipe, not a file").render(false);
        assert_eq!(
            told,
            "error[R070]: this cannot be read: it is a pipe, not a file\n--> rules/a.toml"
        );
    }

    #[test]
    fn utf_16_is_recognised() {
        let told = text("a.toml", vec![0xff, 0xfe, b'[', 0]).unwrap_err();
        assert_eq!(told.label, "the file begins as UTF-16 does");
    }
}
