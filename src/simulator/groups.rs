//! Groups begin, change and end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::asks::{Act, Answered, Creating};
use super::callbacks::{Origin, member_list};
use super::settings::Refusal;
use super::state::{Group, Member};
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

/// How long the id of a dismissed group stays taken by its owner; reported to be at least five seconds.
const ID_REST: Duration = Duration::from_secs(5);

/// Seconds of a day (UTC).
const DAY: i64 = 86_400;

/// A group that somebody makes at a client, or that a test sets up.
#[derive(Clone, Debug)]
pub struct NewGroup {
    pub id: GroupId,
    pub kind: GroupType,
    pub name: String,
    /// `None` makes an ownerless group.
    pub owner: Option<Account>,
    /// Account, role (`Owner` is what `owner` says), time of joining. The owner need not be among them.
    pub members: Vec<(Account, Role, Timestamp)>,
    /// Sends no callbacks: for setting up.
    pub silent: bool,
}

impl NewGroup {
    /// A silent group with these plain members, all from the moment it is made.
    pub fn new(id: &str, kind: GroupType, owner: &str, members: &[&str]) -> Self {
        let plain = |name: &&str| (Account::from(*name), Role::Member, Timestamp(i64::MAX));
        Self {
            id: id.into(),
            kind,
            name: id.to_owned(),
            owner: Some(owner.into()),
            members: members.iter().map(plain).collect(),
            silent: true,
        }
    }
}

/// A group that is about to be made.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub id: Option<GroupId>,
    pub kind: GroupType,
    pub name: String,
    pub introduction: String,
    pub notification: String,
    pub face_url: String,
    pub join_option: String,
    pub max_members: Option<usize>,
    pub owner: Option<Account>,
    pub members: Vec<(Account, Role, Timestamp)>,
    pub fields: BTreeMap<String, String>,
    /// A Community with topics (`SupportTopic`).
    pub with_topics: bool,
    pub silent: bool,
}

impl World {
    /// Makes a group, asking first (`Group.CallbackBeforeCreateGroup`) unless it is silent.
    /// Refused when the id is taken (10021, 10025).
    pub fn create_group(&mut self, now: Timestamp, group: NewGroup) -> Creating {
        let operator = group.owner.clone().or_else(|| group.members.first().map(|m| m.0.clone()));
        let origin = Origin::client(&operator.unwrap_or_else(|| Account::from("")));
        let proposal = Proposal {
            id: Some(group.id),
            kind: group.kind,
            name: group.name,
            introduction: String::new(),
            notification: String::new(),
            face_url: String::new(),
            join_option: "FreeAccess".to_owned(),
            max_members: None,
            owner: group.owner,
            members: group.members,
            fields: BTreeMap::new(),
            with_topics: group.kind == GroupType::Community,
            silent: group.silent,
        };
        self.propose(now, proposal, origin)
    }

    pub(super) fn propose(
        &mut self,
        now: Timestamp,
        proposal: Proposal,
        origin: Origin,
    ) -> Creating {
        self.tick(now);
        if let Some(id) = &proposal.id
            && let Some(refusal) = self.taken(now, id, proposal.owner.as_ref())
        {
            return Creating::Refused(refusal);
        }
        if !proposal.silent && self.grown(now) >= i64::from(self.settings.daily_groups) {
            // The documents do not say which of the quota codes it is.
            return Creating::Refused(Refusal::new(10060, "no more new groups today"));
        }
        if proposal.silent {
            return self.establish(now, proposal, &origin);
        }
        let owned = |group: &&Group| group.kind == proposal.kind && group.owner == proposal.owner;
        let mut body = json!({
            "Operator_Account": origin.operator,
            "Type": proposal.kind.name(),
            "Name": proposal.name,
            "CreateGroupNum": self.groups.values().filter(owned).count(),
            "MemberList": member_list(proposal.members.iter().map(|(account, ..)| account)),
        });
        self.settings.quirks.put_owner(&mut body, "Owner_Account", proposal.owner.as_ref());
        let command = "Group.CallbackBeforeCreateGroup";
        match self.ask(now, command, origin, None, body, Act::Create(Box::new(proposal))) {
            Answered::Created(creating) => creating,
            _ => Creating::Refused(Refusal::new(10002, "the act ended as another one")),
        }
    }

    fn taken(&self, now: Timestamp, id: &GroupId, owner: Option<&Account>) -> Option<Refusal> {
        if let Some(group) = self.groups.get(id) {
            let own = group.owner.as_ref() == owner;
            return Some(Refusal::new(if own { 10025 } else { 10021 }, "the group id is taken"));
        }
        let (when, whose) = self.gone.get(id)?;
        let resting = now < *when + ID_REST && whose.as_ref() == owner;
        resting.then(|| Refusal::new(10025, "the group id was just in use"))
    }

    pub(super) fn establish(
        &mut self,
        now: Timestamp,
        proposal: Proposal,
        origin: &Origin,
    ) -> Creating {
        let serial = self.next_id();
        let id = proposal.id.clone().unwrap_or_else(|| assigned(proposal.kind, serial));
        let silent = proposal.silent;
        let group = Group::from_proposal(now, id.clone(), serial, proposal);
        let mut body = json!({
            "Operator_Account": origin.operator,
            "Name": group.name,
            "MemberList": member_list(group.members.keys()),
            "UserDefinedDataList": group.fields.iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Value>(),
        });
        self.settings.quirks.put_owner(&mut body, "Owner_Account", group.owner.as_ref());
        self.groups.insert(id.clone(), group);
        if !silent {
            self.tell(now, "Group.CallbackAfterCreateGroup", origin, Some(&id), body);
            self.count_growth(now, 1);
        }
        Creating::Created(id)
    }

    /// Dismisses a group: its owner (not in Work, 33529) or an app admin may.
    pub fn dismiss(&mut self, now: Timestamp, id: &GroupId, by: &Account) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let owner_may = group.kind != GroupType::Work && group.owner.as_ref() == Some(by);
        if !owner_may && !self.is_app_admin(by) {
            return Err(Refusal::permission("only the owner or an app admin may dismiss"));
        }
        self.end_group(now, id, &Origin::client(by));
        Ok(())
    }

    pub(super) fn end_group(&mut self, now: Timestamp, id: &GroupId, origin: &Origin) {
        let Some(group) = self.groups.get(id) else { return };
        let mut body = json!({ "Name": group.name });
        self.settings.quirks.put_owner(&mut body, "Owner_Account", group.owner.as_ref());
        if group.kind != GroupType::Community {
            body["MemberList"] = member_list(group.members.keys());
        }
        let owner = group.owner.clone();
        if self.settings.quirks.dismissal_tells_exits {
            let members: Vec<Account> = group.members.keys().cloned().collect();
            self.tell_left(now, id, origin, "Kicked", &members);
        }
        self.count_growth(now, -1);
        // Told while the group still exists: the callback carries its type.
        self.tell(now, "Group.CallbackAfterGroupDestroyed", origin, Some(id), body);
        self.groups.remove(id);
        self.gone.insert(id.clone(), (now, owner));
    }

    /// How many groups this day brought, less those dismissed (33529).
    fn grown(&self, now: Timestamp) -> i64 {
        let (day, count, _) = self.growth;
        if day == now.secs().div_euclid(DAY) { count } else { 0 }
    }

    /// Counts, and tells once a day when 70 % of the quota are exceeded (57455).
    fn count_growth(&mut self, now: Timestamp, by: i64) {
        let day = now.secs().div_euclid(DAY);
        let (count, told) = (self.grown(now) + by, self.growth.2 && self.growth.0 == day);
        let quota = i64::from(self.settings.daily_groups);
        let alarm = !told && count * 10 > quota * 7;
        self.growth = (day, count, told || alarm);
        if alarm {
            let body = json!({ "QuotaUsed": count, "Quota": quota });
            let origin = Origin::rest(&Account::from(""));
            self.tell(now, "Group.CallbackOnDailyGroupQuotaAlarm", &origin, None, body);
        }
    }

    /// Sets texts of the group; only what changed is told (34378), and nothing when nothing did.
    pub(super) fn set_texts(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        texts: Vec<(&'static str, String)>,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        let mut body = Map::new();
        for (name, text) in texts {
            let place = match name {
                "Name" => &mut group.name,
                "Introduction" => &mut group.introduction,
                "Notification" => &mut group.notification,
                _ => &mut group.face_url,
            };
            if *place != text {
                body.insert(name.to_owned(), json!(text));
                *place = text;
            }
        }
        if body.is_empty() {
            return Ok(());
        }
        group.last_info_at = now;
        body.insert("Operator_Account".to_owned(), json!(origin.operator));
        let command = "Group.CallbackAfterGroupInfoChanged";
        self.tell(now, command, origin, Some(id), Value::Object(body));
        Ok(())
    }

    /// Renames a group, as its owner or an admin does; in a Work group any member may.
    pub fn rename(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        name: &str,
    ) -> Result<(), Refusal> {
        self.set_info(now, id, by, vec![("Name", name.to_owned())])
    }

    /// Sets `Name`, `Introduction`, `Notification` or `FaceUrl`; who may is as for [`World::rename`].
    pub fn set_info(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        texts: Vec<(&'static str, String)>,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let may = match group.role(by) {
            Role::Owner | Role::Admin => true,
            Role::Member => group.kind == GroupType::Work,
            Role::Outside => self.is_app_admin(by),
        };
        if !may {
            return Err(Refusal::permission("only the owner and admins may rename the group"));
        }
        self.set_texts(now, id, &Origin::client(by), texts)
    }

    pub(super) fn is_app_admin(&self, account: &Account) -> bool {
        self.settings.admins.contains(account)
    }
}

impl Group {
    fn from_proposal(now: Timestamp, id: GroupId, serial: u64, proposal: Proposal) -> Self {
        let joined = |time: Timestamp| time.min(now);
        let created_at = proposal.members.iter().map(|(.., at)| joined(*at)).min().unwrap_or(now);
        let mut members: BTreeMap<Account, Member> = BTreeMap::new();
        let mut room_admins = BTreeSet::new();
        for (account, role, at) in proposal.members {
            let owner = proposal.owner.as_ref() == Some(&account);
            let role = match role {
                _ if owner => Role::Owner,
                Role::Admin if proposal.kind == GroupType::AVChatRoom => {
                    room_admins.insert(account.clone());
                    Role::Member
                }
                Role::Admin => Role::Admin,
                _ => Role::Member,
            };
            members.insert(account, Member::new(role, joined(at)));
        }
        if let Some(owner) = &proposal.owner {
            let new = || Member::new(Role::Owner, created_at);
            members.entry(owner.clone()).or_insert_with(new);
        }
        Self {
            id,
            kind: proposal.kind,
            name: proposal.name,
            introduction: proposal.introduction,
            notification: proposal.notification,
            face_url: proposal.face_url,
            owner: proposal.owner,
            created_at,
            last_info_at: now,
            members,
            mutes: BTreeMap::new(),
            bans: BTreeMap::new(),
            room_admins,
            marks: BTreeMap::new(),
            attributes: BTreeMap::new(),
            with_topics: proposal.with_topics,
            topics: BTreeMap::new(),
            mute_all: false,
            join_option: proposal.join_option,
            applicants: BTreeSet::new(),
            max_members: proposal.max_members.unwrap_or(largest(proposal.kind)),
            fields: proposal.fields,
            messages: Vec::new(),
            notifications: Vec::new(),
            serial,
        }
    }
}

/// Members at most, on the largest plan (33529).
fn largest(kind: GroupType) -> usize {
    match kind {
        GroupType::AVChatRoom => usize::MAX,
        GroupType::Community => 100_000,
        _ => 6_000,
    }
}

/// An id as Chat assigns it.
fn assigned(kind: GroupType, serial: u64) -> GroupId {
    let prefix = if kind == GroupType::Community { "@TGS#_@TGS#c" } else { "@TGS#2" };
    GroupId::from(format!("{prefix}SIM{serial:06}"))
}
