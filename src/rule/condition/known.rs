//! Fields that only ever have known values, so that a comparison with anything else is a slip.

use crate::chat::{GroupType, Role};
use crate::rule::catalog::{EventKind, Object};
use crate::rule::names::Names;

/// The values that a field can have; `None` when it can be anything.
pub fn values(names: &Names, object: Object, field: &str) -> Option<Vec<&'static str>> {
    const ROLES: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];
    let roles = || ROLES.iter().map(|role| role.name());
    let types = || GroupType::ALL.iter().map(|kind| kind.name());
    Some(match (object, field) {
        // Empty: nobody has told us the role, or the person is not in the group.
        (Object::Member | Object::Operator | Object::Candidate, "role") => {
            roles().chain([""]).collect()
        }
        (Object::Event, "role") => roles().chain([""]).collect(),
        (Object::Group, "type") | (Object::Event, "type") => {
            types().chain(["Unknown", ""]).collect()
        }
        (Object::Room, "kind") => vec!["conference", "live", ""],
        // JoinType of 34372.
        (Object::Event, "join_type") => vec!["Apply", "Invited", ""],
        (Object::Event, "name") => return event_names(names),
        // MsgType of 33527.
        (Object::Message, "types") => vec![
            "TIMTextElem",
            "TIMLocationElem",
            "TIMFaceElem",
            "TIMCustomElem",
            "TIMSoundElem",
            "TIMImageElem",
            "TIMFileElem",
            "TIMVideoFileElem",
            "TIMRelayElem",
        ],
        _ => return None,
    })
}

/// What `event.name` can be. On some events it is the name of the group or topic.
pub fn event_names(names: &Names) -> Option<Vec<&'static str>> {
    let named = |kind: &EventKind| kind.event_fields().iter().any(|(field, _)| *field == "name");
    let kinds = names.events();
    let sure = !kinds.is_empty() && !kinds.iter().any(named);
    sure.then(|| kinds.iter().map(|kind| kind.name()).collect())
}

/// Today's name of a group type that has an old one.
pub fn renamed(object: Object, field: &str, value: &str) -> Option<&'static str> {
    let kind = (field == "type" && matches!(object, Object::Group | Object::Event))
        .then(|| GroupType::from_name(value));
    kind.flatten().map(GroupType::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_types_are_those_of_chat() {
        let names = Names::of_events(&[EventKind::MessageSent]);
        let of = |object, field| values(&names, object, field);
        assert_eq!(of(Object::Member, "role").unwrap(), ["owner", "admin", "member", ""]);
        assert!(of(Object::Group, "type").unwrap().contains(&"AVChatRoom"));
        assert_eq!(of(Object::Event, "name").unwrap(), ["message.sent"]);
        assert_eq!(of(Object::Member, "id"), None);
    }

    #[test]
    fn the_name_of_a_created_group_can_be_anything() {
        let names = Names::of_events(&[EventKind::GroupCreated]);
        assert_eq!(values(&names, Object::Event, "name"), None);
    }

    #[test]
    fn old_type_names_have_a_new_one() {
        assert_eq!(renamed(Object::Group, "type", "ChatRoom"), Some("Meeting"));
        assert_eq!(renamed(Object::Member, "role", "ChatRoom"), None);
    }
}
