//! Owners, admins and what else is set on one member: 34966, 34900, 34963, 60525, 60524.

use serde_json::{Value, json};

use super::super::roles::role_name;
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};
use crate::chat::{GroupType, Role};

const WRONG: i64 = 10004;

pub(super) fn change_group_owner(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "NewOwner_Account", "From_Account"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let to = fields.needed("NewOwner_Account", fields.account("NewOwner_Account")?)?;
    let mut origin = call.origin.clone();
    if let Some(from) = fields.account("From_Account")?
        && world.settings.quirks.from_account_acts
    {
        origin.operator = from;
    }
    world.transfer(call.now, &id, &origin, &to)?;
    Ok(done())
}

/// One member, five uses: role, message receiving, name card, member fields, mute.
pub(super) fn modify_group_member_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "Member_Account",
        "Role",
        "MsgFlag",
        "NameCard",
        "AppMemberDefinedData",
        "MuteTime",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let account = fields.needed("Member_Account", fields.account("Member_Account")?)?;
    let role = fields.choice("Role", &["Admin", "Member"])?.and_then(Role::from_wire);
    let flags = ["AcceptAndNotify", "AcceptNotNotify", "Discard"];
    let flag = fields.choice("MsgFlag", &flags)?.map(str::to_owned);
    let card = fields.text("NameCard", 50)?.map(str::to_owned);
    let data = fields.pairs("AppMemberDefinedData", 5, 64)?;
    let mute = fields.u32("MuteTime")?;

    let group = world.group_or_refusal(&id)?;
    if group.kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("AVChatRoom members have no profile"));
    }
    if mute.is_some() && group.kind == GroupType::Work {
        return Err(Refusal::permission("Work groups cannot mute members"));
    }
    if mute.is_some() && group.role(&account) == Role::Owner {
        return Err(Refusal::permission("the owner cannot be muted"));
    }
    world.set_profile(call.now, &id, &call.origin, &account, role, card)?;
    if let Some(seconds) = mute {
        world.set_mutes(call.now, &id, std::slice::from_ref(&account), seconds)?;
    }
    let group = world.group_mut_or_refusal(&id)?;
    if let Some(member) = group.members.get_mut(&account) {
        member.msg_flag = flag.unwrap_or_else(|| member.msg_flag.clone());
        member.fields.extend(data);
    }
    Ok(done())
}

pub(super) fn get_role_in_group(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "User_Account"])?;
    let id = fields.group()?;
    let accounts = fields.accounts("User_Account", 500)?;
    let group = world.group_or_refusal(&id)?;
    if group.kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("AVChatRoom keeps no roles"));
    }
    let one =
        |account| json!({ "Member_Account": account, "Role": role_name(group.role(account)) });
    let list: Value = accounts.iter().map(one).collect();
    Ok(Reply::Done(json!({ "UserIdList": list })))
}

/// At most five admins in a room (60525); which code the sixth gets is not documented, 10004 here.
pub(super) fn modify_admin(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields =
        Fields::new(&call.record.body, WRONG, &["GroupId", "CommandType", "Admin_Account"])?;
    let id = fields.group()?;
    let command = fields.needed("CommandType", fields.number("CommandType", 1, 2)?)?;
    let accounts = fields.accounts("Admin_Account", 5)?;
    if accounts.iter().any(|account| world.deleted.contains(account)) {
        return Err(Refusal::new(10019, "an account does not exist"));
    }
    let group = world.group_mut_or_refusal(&id)?;
    if group.kind != GroupType::AVChatRoom {
        return Err(Refusal::permission("only AVChatRoom admins are set this way"));
    }
    let mut admins = group.room_admins.clone();
    for account in accounts {
        if command == 1 {
            admins.insert(account);
        } else {
            admins.remove(&account);
        }
    }
    if admins.len() > 5 {
        return Err(Refusal::parameter("more than 5 admins"));
    }
    group.room_admins = admins;
    Ok(done())
}

pub(super) fn get_admin_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId"])?;
    let group = world.group_or_refusal(&fields.group()?)?;
    if group.kind != GroupType::AVChatRoom {
        return Err(Refusal::permission("only AVChatRoom admins are listed this way"));
    }
    let one = |account| json!({ "Admin_Account": account, "Avatar": "", "NickName": "" });
    let list: Value = group.room_admins.iter().map(one).collect();
    Ok(Reply::Done(json!({ "Admin_List": list })))
}
