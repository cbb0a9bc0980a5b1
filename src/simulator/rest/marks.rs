//! Marks of who is online in an `AVChatRoom`, over REST: 50294.

use std::collections::BTreeSet;

use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};
use crate::chat::{Account, GroupType};

const WRONG: i64 = 10004;
/// Kinds of marks in one room, and members with one mark.
const KINDS: usize = 10;
const MARKED: usize = 1_000;

/// `CommandType` 1 marks, 2 takes marks away. Who is not online is passed over.
pub(super) fn modify_user_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "CommandType", "MemberList"])?;
    let id = fields.group()?;
    let adds = fields.needed("CommandType", fields.number("CommandType", 1, 2)?)? == 1;
    let mut changes: Vec<(Account, BTreeSet<u32>)> = Vec::new();
    for entry in fields.list("MemberList", 500)? {
        let entry = Fields::new(entry, WRONG, &["Member_Account", "Marks"])?;
        let account = entry.needed("Member_Account", entry.account("Member_Account")?)?;
        let number = |value: &serde_json::Value| {
            let mark = value.as_u64().and_then(|mark| u32::try_from(mark).ok());
            mark.filter(|mark| *mark >= 1_000).ok_or_else(|| entry.wrong("a mark is 1000 or more"))
        };
        let marks: Result<_, _> = entry.list("Marks", KINDS)?.iter().map(number).collect();
        changes.push((account, marks?));
    }
    let group = world.group_mut_or_refusal(&id)?;
    if group.kind != GroupType::AVChatRoom {
        return Err(Refusal::permission("only members of an AVChatRoom are marked"));
    }
    let mut all = group.marks.clone();
    let online = |account: &Account| group.members.get(account).is_some_and(|m| m.online);
    for (account, marks) in changes.into_iter().filter(|(account, _)| online(account)) {
        let has = all.entry(account).or_default();
        if adds {
            has.extend(marks);
        } else {
            has.retain(|mark| !marks.contains(mark));
        }
    }
    let kinds: BTreeSet<u32> = all.values().flatten().copied().collect();
    let crowded = |kind: &u32| all.values().filter(|marks| marks.contains(kind)).count() > MARKED;
    if kinds.len() > KINDS || kinds.iter().any(crowded) {
        return Err(fields.wrong("more than 10 kinds of marks, or 1000 members with one"));
    }
    group.marks = all;
    Ok(done())
}
