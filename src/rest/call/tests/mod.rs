//! The bodies and limits of calls, against the samples and numbers of Tencent's documents.

mod bodies;
mod borders;

use super::*;
use crate::chat::limits;
use crate::rule::model::{JoinOption, MessageReceiving};

fn group() -> GroupId {
    GroupId::from("@TGS#2J4SZEAEL")
}

fn account(name: &str) -> Account {
    Account::from(name)
}

fn accounts(count: usize) -> Vec<Account> {
    (0..count).map(|i| account(&format!("user{i}"))).collect()
}

fn change(change: MemberChange) -> Call {
    Call::ModifyGroupMemberInfo { group: group(), member: account("bob"), change }
}

fn say(text: &str) -> Call {
    Call::SendGroupMsg { group: group(), topic: None, text: text.to_owned(), from: None, random: 1 }
}

fn import(members: Vec<ImportedMember>) -> Call {
    Call::ImportGroupMember { group: group(), members }
}

fn member(id: &str) -> ImportedMember {
    ImportedMember { id: account(id), admin: false, joined_at: None, unread: None }
}

fn no_fields() -> GroupFields<String> {
    GroupFields::default()
}

#[test]
fn calls_that_only_ask_say_so() {
    assert!(Call::GetAdminList { group: group() }.is_read());
    assert!(Call::GetGroupInfo { groups: vec![group()] }.is_read());
    assert!(!say("hello").is_read());
    assert!(!change(MemberChange::MuteSeconds(0)).is_read());
}
