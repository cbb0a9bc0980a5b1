//! Calls about a group as a whole: 34961, 34962.

use serde_json::{Map, Value, json};

use super::check::{bytes, id};
use crate::chat::{GroupId, limits};
use crate::rule::model::GroupFields;

/// Today's page names the mute of everybody `MuteAllMember`; editions up to 2022 named it
/// `ShutUpAllMember`.
const MUTE_ALL: &str = "MuteAllMember";

pub(super) fn base_info(
    group: &GroupId,
    fields: &GroupFields<String>,
    mute_all: Option<bool>,
) -> Value {
    let mut body = Map::new();
    body.insert("GroupId".to_owned(), json!(group));
    for (name, text) in [
        ("Name", &fields.name),
        ("Introduction", &fields.introduction),
        ("Notification", &fields.notification),
    ] {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(join) = fields.join {
        body.insert("ApplyJoinOption".to_owned(), json!(join.name()));
    }
    if let Some(on) = mute_all {
        body.insert(MUTE_ALL.to_owned(), json!(if on { "On" } else { "Off" }));
    }
    Value::Object(body)
}

pub(super) fn check_base_info(
    fields: &GroupFields<String>,
    mute_all: Option<bool>,
) -> Result<(), String> {
    if fields.named().is_empty() && mute_all.is_none() {
        return Err("nothing of the group is to be changed".to_owned());
    }
    if let Some(name) = &fields.name {
        id("Name", name)?;
    }
    let check = |name, text: &Option<String>, limit| {
        bytes(name, text.as_ref().map_or(0, String::len), limit)
    };
    check("Name", &fields.name, limits::GROUP_NAME_BYTES)?;
    check("Introduction", &fields.introduction, limits::INTRODUCTION_BYTES)?;
    check("Notification", &fields.notification, limits::NOTIFICATION_BYTES)
}

pub(super) fn info(groups: &[GroupId]) -> Value {
    json!({
        "GroupIdList": groups,
        "ResponseFilter": {
            "GroupBaseInfoFilter": [
                "Type", "Name", "Owner_Account", "CreateTime", "MemberNum",
                "LastMsgTime", "NextMsgSeq", "MuteAllMember",
            ],
        },
    })
}
