//! Topics of a Community: made, changed, dismissed (49463 to 49466).

use serde_json::{Map, Value, json};

use super::asks::{Act, Answered};
use super::callbacks::{CallbackId, Origin};
use super::settings::Refusal;
use super::state::{Group, Topic};
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

/// Topics of one Community (34381).
const MOST: usize = 200;

/// How making a topic went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The bot is asked first; the outcome comes from `answer`.
    Waiting(CallbackId),
    /// Its `TopicId`.
    Opened(String),
    Refused(Refusal),
}

/// A topic that is about to be made.
#[derive(Clone, Debug)]
pub(super) struct NewTopic {
    pub group: GroupId,
    pub id: Option<String>,
    pub topic: Topic,
}

/// What of a topic is to be different; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicChange {
    pub name: Option<String>,
    pub introduction: Option<String>,
    pub notification: Option<String>,
    pub face_url: Option<String>,
    pub custom: Option<String>,
    pub mute_all: Option<bool>,
}

impl World {
    /// The owner or an admin makes a topic. Asks first (`Group.CallbackBeforeCreateTopic`).
    pub fn create_topic(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        name: &str,
    ) -> Opening {
        self.tick(now);
        if let Err(refusal) = self.may_manage(id, by) {
            return Opening::Refused(refusal);
        }
        let topic = Topic { name: name.to_owned(), owner: Some(by.clone()), ..Topic::default() };
        let new = NewTopic { group: id.clone(), id: None, topic };
        self.open_topic(now, new, Origin::client(by))
    }

    pub(super) fn open_topic(&mut self, now: Timestamp, new: NewTopic, origin: Origin) -> Opening {
        let group = match self.with_topics(&new.group) {
            Ok(group) => group,
            Err(refusal) => return Opening::Refused(refusal),
        };
        if group.topics.len() >= MOST {
            return Opening::Refused(Refusal::new(10058, "200 topics are the most"));
        }
        if new.id.as_ref().is_some_and(|id| group.topics.contains_key(id)) {
            return Opening::Refused(Refusal::new(10021, "the topic id is taken"));
        }
        // The table of 49463 has no GroupId.
        let body = json!({
            "Operator_Account": origin.operator, "Type": "Community", "Name": new.topic.name,
        });
        let command = "Group.CallbackBeforeCreateTopic";
        match self.ask(now, command, origin, None, body, Act::OpenTopic(Box::new(new))) {
            Answered::Opened(opening) => opening,
            _ => Opening::Refused(Refusal::new(10002, "the act ended as another one")),
        }
    }

    /// After the bot allowed it.
    pub(super) fn establish_topic(
        &mut self,
        now: Timestamp,
        new: NewTopic,
        origin: &Origin,
    ) -> Opening {
        let serial = self.next_id();
        let group = match self.group_mut_or_refusal(&new.group) {
            Ok(group) => group,
            Err(refusal) => return Opening::Refused(refusal),
        };
        let assigned = || format!("{}@TOPIC#_@TOPIC#cSIM{serial:06}", new.group);
        let id = new.id.unwrap_or_else(assigned);
        let mut topic = new.topic;
        topic.created_at = now;
        let body = json!({
            "TopicId": id,
            "Operator_Account": origin.operator,
            "Owner_Account": topic.owner.as_ref().map_or("", Account::as_str),
            "Name": topic.name,
            "UserDefinedDataList": [],
        });
        group.topics.insert(id.clone(), topic);
        self.tell(now, "Group.CallbackAfterCreateTopic", origin, Some(&new.group), body);
        Opening::Opened(id)
    }

    /// The owner or an admin changes a topic; told are the texts that changed (49466).
    pub fn change_topic(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        topic: &str,
        change: TopicChange,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_manage(id, by)?;
        self.set_topic(now, id, &Origin::client(by), topic, change)
    }

    pub(super) fn set_topic(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        name: &str,
        change: TopicChange,
    ) -> Result<(), Refusal> {
        self.with_topics(id)?;
        let topic = self.group_mut_or_refusal(id)?.topics.get_mut(name).ok_or_else(no_topic)?;
        let mut body = Map::new();
        for (field, place, text) in [
            ("Name", &mut topic.name, change.name),
            ("Introduction", &mut topic.introduction, change.introduction),
            ("Notification", &mut topic.notification, change.notification),
            ("FaceUrl", &mut topic.face_url, change.face_url),
        ] {
            if let Some(text) = text.filter(|text| *text != *place) {
                body.insert(field.to_owned(), json!(text));
                *place = text;
            }
        }
        topic.custom = change.custom.unwrap_or_else(|| topic.custom.clone());
        topic.mute_all = change.mute_all.unwrap_or(topic.mute_all);
        if body.is_empty() {
            return Ok(());
        }
        // The sample of 49466 has no TopicId; without one nobody could tell which topic it was.
        body.insert("TopicId".to_owned(), json!(name));
        body.insert("Operator_Account".to_owned(), json!(origin.operator));
        let command = "Group.CallbackAfterTopicInfoChanged";
        self.tell(now, command, origin, Some(id), Value::Object(body));
        Ok(())
    }

    /// The owner or an admin dismisses topics.
    pub fn dismiss_topics(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        topics: &[String],
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_manage(id, by)?;
        let gone = self.end_topics(now, id, &Origin::client(by), topics)?;
        if gone.iter().all(|gone| *gone) { Ok(()) } else { Err(no_topic()) }
    }

    /// Per topic whether it was there.
    pub(super) fn end_topics(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        topics: &[String],
    ) -> Result<Vec<bool>, Refusal> {
        self.with_topics(id)?;
        let group = self.group_mut_or_refusal(id)?;
        let gone: Vec<bool> =
            topics.iter().map(|topic| group.topics.remove(topic).is_some()).collect();
        let list: Vec<&String> =
            topics.iter().zip(&gone).filter(|(_, gone)| **gone).map(|(topic, _)| topic).collect();
        if !list.is_empty() {
            let body = json!({ "TopicIdList": list });
            self.tell(now, "Group.CallbackAfterTopicDestroyed", origin, Some(id), body);
        }
        Ok(gone)
    }

    fn with_topics(&self, id: &GroupId) -> Result<&Group, Refusal> {
        let group = self.group_or_refusal(id)?;
        if group.kind != GroupType::Community || !group.with_topics {
            return Err(Refusal::permission("only a Community with topics has them"));
        }
        Ok(group)
    }

    /// Whether somebody may act as owner or admin here.
    pub(super) fn may_manage(&self, id: &GroupId, by: &Account) -> Result<(), Refusal> {
        let role = self.group_or_refusal(id)?.role(by);
        if matches!(role, Role::Owner | Role::Admin) || self.is_app_admin(by) {
            return Ok(());
        }
        Err(Refusal::permission("only the owner and admins may do this"))
    }
}

/// Which code a missing topic gets is not documented; 10010, as a missing group.
pub(super) fn no_topic() -> Refusal {
    Refusal::new(10010, "the topic does not exist")
}
