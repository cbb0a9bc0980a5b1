//! What happens to members of a group (34370–34373, 48734, 60393).

use super::callback::{Callback, Unfit, set, set_texts};
use crate::chat::{Account, Role};
use crate::decision::Event;
use crate::decision::event::Field;
use crate::rule::EventKind;

/// One event for each account of a list.
fn members(callback: &Callback<'_>, list: &str, event: &Event) -> Result<Vec<Event>, Unfit> {
    match callback.fields.accounts(list, "Member_Account") {
        accounts if accounts.is_empty() => Err(Unfit::missing(list)),
        accounts => Ok(Callback::each(accounts, event)),
    }
}

/// Members joined or were invited (34372).
pub(super) fn joined(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::MemberJoined)?;
    set_texts(&mut event, callback.fields, &[("join_type", "JoinType")]);
    members(callback, "NewMemberList", &event)
}

/// Members quit or were kicked (34373). Documented are only these two, so whatever else `ExitType`
/// says, somebody has left and nobody is known to have removed them.
pub(super) fn exit(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let kicked =
        callback.fields.word("ExitType").is_some_and(|exit| exit.eq_ignore_ascii_case("Kicked"));
    let kind = if kicked { EventKind::MemberRemoved } else { EventKind::MemberLeft };
    // `Operator_Account` is the leaver in one place and the kicker in another: never whom it is about.
    members(callback, "ExitMemberList", &callback.in_group(kind)?)
}

/// A member's role or name card changed: one event for each of the two (60393).
pub(super) fn field_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let fields = callback.fields;
    let mut about = callback.in_group(EventKind::MemberRoleChanged)?;
    // The Chinese edition (269/105353) calls the member `Modified_Account`.
    about.member = fields.account("Member_Account").or_else(|| fields.account("Modified_Account"));
    if about.member.is_none() {
        return Err(Unfit::missing("Member_Account"));
    }
    let role = fields.word("Role");
    let card = fields.text("NameCard");
    if let Some(text) = &role {
        let name = Role::from_wire(text)
            .map_or_else(|| text.to_ascii_lowercase(), |role| role.name().to_owned());
        set(&mut about, "role", Field::Text(name));
    }
    if let Some(text) = &card {
        set(&mut about, "name_card", Field::Text(text.to_string()));
    }
    let kinds =
        [role.map(|_| EventKind::MemberRoleChanged), card.map(|_| EventKind::MemberCardChanged)];
    let events: Vec<Event> =
        kinds.into_iter().flatten().map(|kind| callback.alike(&about, kind)).collect();
    if events.is_empty() { Err(Unfit::missing("Role and NameCard")) } else { Ok(events) }
}

/// The connection of members of an AVChatRoom was lost or is back (48734).
pub(super) fn state_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let kind = match callback.fields.word("EventType").as_deref() {
        Some("Online") => EventKind::MemberOnline,
        Some("Offline") => EventKind::MemberOffline,
        _ => return Err(Unfit::Wrong("EventType is neither Online nor Offline")),
    };
    members(callback, "MemberList", &callback.in_group(kind)?)
}

/// Somebody applies to join (34370).
pub(super) fn join_requested(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::JoinRequested)?;
    event.member = Some(required(callback, "Requestor_Account")?);
    Ok(vec![event])
}

/// A member invites others (34371).
pub(super) fn invite_requested(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::InviteRequested)?;
    event.member = Some(required(callback, "Operator_Account")?);
    let invited = callback.fields.accounts("DestinationMembers", "Member_Account");
    if invited.is_empty() {
        return Err(Unfit::missing("DestinationMembers"));
    }
    let invited = invited.iter().map(ToString::to_string).collect();
    set(&mut event, "invited", Field::Texts(invited));
    Ok(vec![event])
}

fn required(callback: &Callback<'_>, name: &str) -> Result<Account, Unfit> {
    callback.fields.account(name).ok_or_else(|| Unfit::missing(name))
}
