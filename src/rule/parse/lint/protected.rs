//! Actions that the guards never let through: on the owner, on admins, on protected accounts.

use super::given;
use crate::chat::{Account, Role};
use crate::rule::RuleSet;
use crate::rule::condition::{Fact, Formula, never_together};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Action, Globs, Rule};
use crate::rule::parse::codes::PROTECTED;
use crate::rule::parse::file::File;
use crate::rule::parse::tree::{Table, Value};
use crate::rule::source::{Source, Spot};
use crate::rule::template::{Part, Template};

/// Whom an action restrains, so that the guards look at it.
enum Target {
    /// `member` or `operator`, whose facts conditions can name.
    Person(&'static str),
    Account(String),
    Unknown,
}

/// Tells of actions whose rule asks for somebody who is always protected: `member.role == "admin"`.
pub fn by_role(file: &mut File<'_>, table: &Table, rule: &Rule) {
    if rule.allow_protected || rule.when.is_none() {
        return;
    }
    let conditions = given::to_act(rule);
    if never_together(&conditions) {
        return;
    }
    let places = action_places(table);
    for (at, step) in rule.steps.iter().enumerate() {
        let Some((Target::Person(person), admins_too)) = restrained(&step.action) else { continue };
        let role = format!("{person}.role");
        let is = |name: &Role| Formula::Is(Fact::equals(&role, name.name())).negated();
        let roles: &[Role] = if admins_too { &[Role::Owner, Role::Admin] } else { &[Role::Owner] };
        let open = roles.iter().map(is).collect();
        if !never_together(conditions.iter().chain([&Formula::All(open)])) {
            continue;
        }
        let name = step.action.name();
        let whom = if admins_too { "the owner and admins are" } else { "the owner is" };
        let message = format!("`{name}` is never carried out here: {whom} protected");
        let place = places.get(at).cloned().unwrap_or(0..0);
        file.warn(PROTECTED, place, message)
            .label(format!("the conditions let no other {person} through"))
            .help(
                "write `allow_protected = true` in this rule if that is what you want".to_owned(),
            );
    }
}

/// Tells of actions on accounts that the configuration protects, or that are the bot's own: named by
/// `who`, or by conditions that let no other member through.
pub fn by_account(rules: &RuleSet, protected: &Globs, own: &[Account]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in rules.rules().iter().filter(|rule| !rule.allow_protected) {
        let conditions = given::to_act(rule);
        for step in &rule.steps {
            let why = match restrained(&step.action) {
                Some((Target::Account(id), _)) => reason(&id, protected, own),
                Some((Target::Person(person), _)) if rule.when.is_some() => {
                    let id = format!("{person}.id");
                    let mut open = vec![Formula::Is(Fact::globs(&id, protected)).negated()];
                    let is = |account: &Account| Formula::Is(Fact::equals(&id, account.as_str()));
                    open.extend(own.iter().map(|account| is(account).negated()));
                    let never = never_together(conditions.iter().chain(&open));
                    let only =
                        || "everybody whom the conditions let through is protected".to_owned();
                    (never && !never_together(&conditions)).then(only)
                }
                _ => None,
            };
            let Some(why) = why else { continue };
            let message = format!("`{}` is never carried out here: {why}", step.action.name());
            let spot = spot(rules, &step.place.file, step.place.line, step.action.name());
            let told = Diagnostic::new(Level::Warning, PROTECTED, spot, message);
            let help =
                format!("take the action out, or write `allow_protected = true` in `{}`", rule.id);
            found.push(told.label("the guards leave it out each time").help(help));
        }
    }
    found
}

fn reason(id: &str, protected: &Globs, own: &[Account]) -> Option<String> {
    if own.iter().any(|account| account.as_str() == id) {
        return Some(format!("`{id}` is the bot's own account"));
    }
    protected.matches(id).then(|| format!("`{id}` is protected (`[safety]`)"))
}

/// Whom an action restrains, and whether admins are protected from it too.
fn restrained(action: &Action) -> Option<(Target, bool)> {
    match action {
        Action::Mute { who, .. } | Action::RemoveMember { who, .. } | Action::Ban { who, .. } => {
            Some((target(who.as_ref()), true))
        }
        Action::SetRole { who, role: Role::Member, .. } => Some((target(who.as_ref()), false)),
        _ => None,
    }
}

fn target(who: Option<&Template>) -> Target {
    let Some(who) = who else { return Target::Person("member") };
    match who.parts() {
        [Part::Text(id)] => Target::Account(id.clone()),
        [Part::Name(object, field)] if field == "id" => match object.as_str() {
            "member" => Target::Person("member"),
            "operator" => Target::Person("operator"),
            _ => Target::Unknown,
        },
        _ => Target::Unknown,
    }
}

/// Where the actions of `do` stand, in order.
fn action_places(table: &Table) -> Vec<std::ops::Range<usize>> {
    let Some(Value::List(items)) = table.get("do").map(|entry| &entry.node.value) else {
        return Vec::new();
    };
    let place = |item: &crate::rule::parse::tree::Node| match &item.value {
        Value::Table(fields) => {
            let action = fields.entries().iter().find(|entry| entry.key != "continue");
            action.map_or(item.span.clone(), |entry| entry.key_span.clone())
        }
        _ => item.span.clone(),
    };
    items.iter().map(place).collect()
}

/// The first mention of a word on a line of a file.
fn spot(rules: &RuleSet, file: &str, line: usize, word: &str) -> Spot {
    let text = rules.sources().iter().find(|(name, _)| name == file).map_or("", |(_, text)| text);
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    let at = start + rest.lines().next().and_then(|line| line.find(word)).unwrap_or(0);
    Source::new(file, text).spot(at..at + word.len())
}
