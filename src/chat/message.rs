//! A message, normalised once, so that every condition sees the same text.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// One element of `MsgBody`: its type and all the text that a person can read in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// `MsgType`, for instance `TIMTextElem`.
    pub kind: String,
    /// The readable text, empty for pictures, sounds and the like.
    pub text: String,
}

/// What was said, as conditions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// All text of all elements, joined with spaces and normalised.
    pub text: String,
    /// `MsgType` of each element, in order.
    pub types: Vec<String>,
    /// `MsgSeq`, absent before a message is sent.
    pub sequence: Option<i64>,
    /// Accounts that the message mentions.
    pub mentions: Vec<String>,
    /// `CloudCustomData`.
    pub custom_data: String,
}

impl Message {
    /// Joins the elements' texts, in order, into the one text that conditions match.
    pub fn from_elements(elements: &[Element]) -> Self {
        let joined =
            elements.iter().map(|e| e.text.as_str()).filter(|t| !t.is_empty()).collect::<Vec<_>>();
        Self {
            text: normalise(&joined.join(" ")),
            types: elements.iter().map(|e| e.kind.clone()).collect(),
            ..Self::default()
        }
    }
}

/// NFKC, without the characters that are drawn as nothing (Unicode's `Default_Ignorable_Code_Point`, and marks of
/// annotations and of musical notes): otherwise `b<zero width>uy` evades a word filter.
pub fn normalise(text: &str) -> String {
    // Most of what is said in many languages, and it is what it would become.
    if text.is_ascii() {
        return text.to_owned();
    }
    text.nfkc().filter(|c| !is_invisible(*c)).collect()
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_hidden_by_width_or_invisible_characters_is_the_plain_text() {
        assert_eq!(normalise("ｂｕ\u{200B}ｙ \u{FEFF}now"), "buy now");
        for hidden in "\u{180F}\u{FFF9}\u{1BCA0}\u{1D173}\u{E0001}\u{E0061}\u{E0100}".chars() {
            assert_eq!(normalise(&format!("bu{hidden}y")), "buy", "{hidden:?}");
        }
    }

    #[test]
    fn plain_text_is_what_it_would_become() {
        let plain: String = (0..=0x7F_u8).map(char::from).collect();
        assert_eq!(plain.nfkc().filter(|c| !is_invisible(*c)).collect::<String>(), plain);
        assert_eq!(normalise(&plain), plain);
    }

    #[test]
    fn elements_without_text_leave_no_gap() {
        let element = |kind: &str, text: &str| Element { kind: kind.into(), text: text.into() };
        let message = Message::from_elements(&[
            element("TIMTextElem", "look"),
            element("TIMImageElem", ""),
            element("TIMTextElem", "here"),
        ]);
        assert_eq!(message.text, "look here");
        assert_eq!(message.types, ["TIMTextElem", "TIMImageElem", "TIMTextElem"]);
    }
}
