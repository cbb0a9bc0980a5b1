//! Fields that several actions have: texts to say, accounts.

use crate::chat::limits;
use crate::rule::names::Names;
use crate::rule::parse::codes::{EMPTY, TOO_LONG};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::{Entry, Node};
use crate::rule::template::{Part, Template};

/// `text`, which must say something.
pub fn said(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Template> {
    let entry = file.required(fields, "text", "text = \"…\"")?;
    let text = file.template("text", &entry.node, about.texts.as_ref())?;
    if text.text().trim().is_empty() {
        file.error(EMPTY, entry.node.span.clone(), "`text` says nothing");
        return None;
    }
    fits(file, "text", &entry.node, &text, limits::MESSAGE_BYTES).then_some(text)
}

/// Whether a text can fit into so many bytes: what stands between the placeholders, at least.
pub fn fits(file: &mut File<'_>, name: &str, node: &Node, text: &Template, bytes: usize) -> bool {
    let fixed = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Name(..) => 0,
    };
    let length: usize = text.parts().iter().map(fixed).sum();
    if length > bytes {
        file.error(TOO_LONG, node.span.clone(), format!("`{name}` is too long for Chat"))
            .label(format!("{length} bytes, and Chat takes {bytes}"));
    }
    length <= bytes
}

/// `who`: absent means the member that the event is about; `None` when it has a mistake.
pub fn who(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    names: Option<&Names>,
) -> Option<Option<Template>> {
    one_account(file, fields, "who", names)
}

/// An account that may be left out; the outer `None` is a mistake.
pub fn one_account(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    key: &str,
    names: Option<&Names>,
) -> Option<Option<Template>> {
    let Some(entry) = fields.get(key) else { return Some(None) };
    account(file, key, &entry.node, names).map(Some)
}

/// An account, or a placeholder that stands for one.
pub fn account(
    file: &mut File<'_>,
    key: &str,
    node: &Node,
    names: Option<&Names>,
) -> Option<Template> {
    let account = file.template(key, node, names)?;
    if account.parts().iter().all(|part| matches!(part, Part::Text(_))) {
        let written: String = account.render(|_, _| String::new());
        file.account(key, &written, node)?;
    }
    Some(account)
}

/// A list of accounts, no more than Chat takes at once.
pub fn accounts(
    file: &mut File<'_>,
    entry: &Entry,
    names: Option<&Names>,
    most: usize,
) -> Option<Vec<Template>> {
    let key = &entry.key;
    let items = file.list(key, &entry.node, "accounts")?;
    if items.is_empty() {
        file.empty(entry, &format!("{key} = [\"ann\"]"));
        return None;
    }
    if let Some(extra) = items.get(most) {
        file.error(TOO_LONG, extra.span.clone(), format!("Chat takes at most {most} at once"))
            .label("one too many");
        return None;
    }
    let name = format!("an item of {key}");
    let read: Vec<_> = items.iter().filter_map(|item| account(file, &name, item, names)).collect();
    (read.len() == items.len()).then_some(read)
}
