//! What happens to groups and topics (34368, 34369, 34376–34378, 49463–49466, 60394, 60396).

use super::callback::{Callback, Unfit, set, set_accounts, set_texts};
use crate::chat::GroupType;
use crate::decision::Event;
use crate::decision::event::Field;
use crate::rule::EventKind;

/// What can change about a group or a topic; a callback names only what did.
const INFO: [(&str, &str); 4] = [
    ("name", "Name"),
    ("introduction", "Introduction"),
    ("notification", "Notification"),
    ("face_url", "FaceUrl"),
];

/// Under how many names the number of groups that the user already made goes (34368 and its older editions).
const CREATED_COUNT: [&str; 3] = ["CreateGroupNum", "CreatedGroupNum", "CreatedNum"];

fn members(callback: &Callback<'_>) -> Field {
    let accounts = callback.fields.accounts("MemberList", "Member_Account");
    Field::Texts(accounts.iter().map(ToString::to_string).collect())
}

/// The group type by today's name, or as Chat wrote it if we do not know it.
fn set_type(event: &mut Event, callback: &Callback<'_>) {
    if let Some(written) = callback.fields.word("Type") {
        let name = match GroupType::from_name(&written) {
            Some(known) => known.name().to_owned(),
            None => written.into_owned(),
        };
        set(event, "type", Field::Text(name));
    }
}

/// Somebody wants to create a group; there is no `GroupId` yet (34368).
pub(super) fn creating(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let fields = callback.fields;
    let mut event = callback.only(EventKind::GroupCreating);
    event.member = callback.operator.clone().or_else(|| fields.account("Owner_Account"));
    if event.member.is_none() {
        return Err(Unfit::missing("Operator_Account"));
    }
    event.group_type = callback.group_type();
    set_texts(&mut event, fields, &[("name", "Name")]);
    set_accounts(&mut event, fields, &[("owner", "Owner_Account")]);
    set_type(&mut event, callback);
    if let Some(count) = CREATED_COUNT.iter().find_map(|name| fields.int(name)) {
        set(&mut event, "created_count", Field::Int(count));
    }
    set(&mut event, "invited", members(callback));
    Ok(vec![event])
}

/// A group is there (34369). Its owner is empty when it was created over REST without one.
pub(super) fn created(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::GroupCreated)?;
    let owner = callback.fields.account("Owner_Account");
    let owner = owner.map_or_else(String::new, |owner| owner.to_string());
    set(&mut event, "owner", Field::Text(owner));
    set_texts(&mut event, callback.fields, &[("name", "Name")]);
    set(&mut event, "members", members(callback));
    Ok(vec![event])
}

/// A group is gone (34377).
pub(super) fn dismissed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::GroupDismissed)?;
    set_texts(&mut event, callback.fields, &[("name", "Name")]);
    set_accounts(&mut event, callback.fields, &[("owner", "Owner_Account")]);
    Ok(vec![event])
}

/// The last seat was taken, or somebody found none (34376).
pub(super) fn full(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![callback.in_group(EventKind::GroupFull)?])
}

/// The group's name, introduction, notice or picture changed (34378). That everybody was muted, or how
/// one joins, is told only to apps for which Tencent has opened these fields (33530).
pub(super) fn info_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::GroupInfoChanged)?;
    set_texts(&mut event, callback.fields, &INFO);
    let on_request = [
        ("mute_all", "ShutUpAllMember"),
        ("mute_all", "MuteAllMember"),
        ("join", "ApplyJoinOption"),
    ];
    set_texts(&mut event, callback.fields, &on_request);
    Ok(vec![event])
}

/// The group's key-value pairs changed (60394); keys are spelled in lower case there.
pub(super) fn attributes_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::GroupAttributesChanged)?;
    set_texts(&mut event, callback.fields, &[("option", "OptionType")]);
    let pairs = callback.fields.objects("GroupAttr");
    let keys = pairs.filter_map(|pair| pair.text("key").or_else(move || pair.text("Key")));
    set(&mut event, "keys", Field::Texts(keys.map(Into::into).collect()));
    Ok(vec![event])
}

/// The group has a new owner (60396).
pub(super) fn owner_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::OwnerChanged)?;
    if callback.fields.account("NewOwner_Account").is_none() {
        return Err(Unfit::missing("NewOwner_Account"));
    }
    let names = [("old_owner", "OldOwner_Account"), ("new_owner", "NewOwner_Account")];
    set_accounts(&mut event, callback.fields, &names);
    Ok(vec![event])
}

/// Somebody wants to create a topic; the table of 49463 names no group.
pub(super) fn topic_creating(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.only(EventKind::TopicCreating);
    event.group = callback.group();
    event.group_type = callback.group_type();
    event.member.clone_from(&callback.operator);
    if event.member.is_none() {
        return Err(Unfit::missing("Operator_Account"));
    }
    set_texts(&mut event, callback.fields, &[("name", "Name")]);
    set_type(&mut event, callback);
    Ok(vec![event])
}

/// A topic is there (49464).
pub(super) fn topic_created(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::TopicCreated)?;
    set_texts(&mut event, callback.fields, &[("topic", "TopicId"), ("name", "Name")]);
    set_accounts(&mut event, callback.fields, &[("owner", "Owner_Account")]);
    Ok(vec![event])
}

/// Topics are gone (49465).
pub(super) fn topic_dismissed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::TopicDismissed)?;
    set(&mut event, "topics", Field::Texts(callback.fields.texts("TopicIdList")));
    Ok(vec![event])
}

/// A topic's name, introduction, notice or picture changed (49466, whose sample does not say which topic).
pub(super) fn topic_info_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::TopicInfoChanged)?;
    set_texts(&mut event, callback.fields, &[("topic", "TopicId")]);
    set_texts(&mut event, callback.fields, &INFO);
    Ok(vec![event])
}
