//! Members brought in, taken out and imported: 34921, 34949, 34969.

use serde_json::{Value, json};

use super::super::asks::Answered;
use super::super::settings::Refusal;
use super::super::state::Group;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};
use crate::chat::{Account, GroupType, Role};
use crate::clock::Timestamp;

const WRONG: i64 = 10004;
/// Members of one call (34921, 34969).
const ADDED: usize = 300;
/// Members of one call (34949; the limits page says 500, the page of the command is stricter).
const DELETED: usize = 100;

pub(super) fn add_group_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "Silence", "MemberList"])?;
    let id = fields.group()?;
    // It is about what clients see; the callbacks come all the same.
    fields.number("Silence", 0, 1)?;
    let mut accounts = Vec::new();
    for entry in fields.list("MemberList", ADDED)? {
        let entry = Fields::new(entry, WRONG, &["Member_Account"])?;
        accounts.push(entry.needed("Member_Account", entry.account("Member_Account")?)?);
    }
    if world.group_or_refusal(&id)?.kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("nobody can be added to an AVChatRoom"));
    }
    if accounts.iter().all(|account| world.deleted.contains(account)) {
        return Err(Refusal::new(10019, "the account does not exist"));
    }
    let joining = world.ask_invite(call.now, &id, call.origin.clone(), accounts);
    super::reply(&Answered::Joined(joining), call.record)
}

pub(super) fn delete_group_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "MemberToDel_Account", "Silence", "Reason"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let accounts = fields.accounts("MemberToDel_Account", DELETED)?;
    fields.number("Silence", 0, 1)?;
    fields.text("Reason", usize::MAX)?;
    if world.group_or_refusal(&id)?.kind == GroupType::AVChatRoom {
        return Err(Refusal::parameter("nobody can be removed from an AVChatRoom"));
    }
    let owner = world.group_or_refusal(&id)?.owner.as_ref();
    let names_owner = owner.is_some_and(|owner| accounts.contains(owner));
    if names_owner && world.settings.quirks.owner_is_kept {
        return Err(Refusal::permission("the owner cannot be removed"));
    }
    world.remove(call.now, &id, &call.origin, &accounts);
    Ok(done())
}

/// No callbacks, no notifications (34969).
pub(super) fn import_group_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "MemberList"])?;
    let id = fields.group()?;
    let mut imports = Vec::new();
    for entry in fields.list("MemberList", ADDED)? {
        let known = ["Member_Account", "Role", "JoinTime", "UnreadMsgNum"];
        let entry = Fields::new(entry, WRONG, &known)?;
        let account = entry.needed("Member_Account", entry.account("Member_Account")?)?;
        let role = entry.choice("Role", &["Admin"])?.map_or(Role::Member, |_| Role::Admin);
        let joined = entry.number("JoinTime", 0, i64::from(u32::MAX))?.map(Timestamp::from_secs);
        let unread = entry.number("UnreadMsgNum", 0, i64::from(u32::MAX))?.unwrap_or(0);
        imports.push((account, role, joined, unread));
    }
    let deleted = world.deleted.clone();
    let group = world.group_mut_or_refusal(&id)?;
    match group.kind {
        GroupType::AVChatRoom => {
            return Err(Refusal::permission("nobody can be imported into an AVChatRoom"));
        }
        GroupType::Work if imports.iter().any(|(_, role, ..)| *role == Role::Admin) => {
            return Err(Refusal::permission("Work groups have no admins"));
        }
        _ => {}
    }
    let mut list = Vec::new();
    for (account, role, joined, unread) in imports {
        let exists = !deleted.contains(&account);
        let result =
            if exists { import(group, call.now, &account, role, joined, unread) } else { 0 };
        list.push(json!({ "Member_Account": account, "Result": result }));
    }
    Ok(Reply::Done(json!({ "MemberList": Value::from(list) })))
}

/// 0 failed (full, or a `JoinTime` outside the group's life so far), 1 imported, 2 in already.
fn import(
    group: &mut Group,
    now: Timestamp,
    account: &Account,
    role: Role,
    joined: Option<Timestamp>,
    unread: i64,
) -> u8 {
    if group.members.contains_key(account) {
        return 2;
    }
    let alive = |at: Timestamp| at.secs() >= group.created_at.secs() && at <= now;
    if group.is_full() || joined.is_some_and(|at| !alive(at)) {
        return 0;
    }
    let read = (group.next_sequence() - 1 - unread).max(0);
    group.add(account.clone(), role, joined.unwrap_or(now));
    if let Some(member) = group.members.get_mut(account) {
        member.read_sequence = read;
    }
    1
}
