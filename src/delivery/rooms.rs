//! Questions about rooms: who owns them, and who is in them.

use super::Delivery;
use super::carry::{Asking, NoReply};
use super::reads::unexpected;
use crate::chat::{Account, Role, RoomId};
use crate::decision::effect::{Answer, MemberFacts, RoomFacts, RoomMember};
use crate::decision::event::RoomKind;
use crate::rest::{Call, Class, Reply, RoomRead};

/// The room does not exist (any more).
const NO_ROOM: i64 = 100_004;
/// Pages that are read of one room: Chat lists no more than a thousand of a live room (66908), and a
/// Conference holds a few hundred.
const MOST_PAGES: usize = 40;

impl Delivery {
    /// The room (60704, 63404); one that is gone is an answer too.
    pub(super) async fn room(
        &self,
        asking: &Asking<'_>,
        room: &RoomId,
        kind: RoomKind,
    ) -> Result<RoomFacts, NoReply> {
        let call = Call::Room(RoomRead::Info { room: room.clone(), live: kind == RoomKind::Live });
        match self.ask(asking, &call).await {
            Ok(Reply::Room(facts)) => Ok(facts),
            Ok(_) => Err(unexpected(&call)),
            Err(NoReply::Failed(error)) if error.code() == Some(NO_ROOM) => Ok(RoomFacts {
                room: room.clone(),
                exists: false,
                name: String::new(),
                owner: None,
                member_count: None,
                created_at: None,
            }),
            Err(other) => Err(other),
        }
    }

    /// The room, then those in it. Of live rooms the admins are listed by a command of their own.
    pub(super) async fn room_candidates(
        &self,
        asking: &Asking<'_>,
        room: &RoomId,
        kind: RoomKind,
    ) -> Result<Answer, NoReply> {
        let facts = self.room(asking, room, kind).await?;
        if !facts.exists {
            return Ok(Answer::RoomCandidates { room: facts, members: Vec::new() });
        }
        let members = self.room_members(asking, room, kind).await?;
        let admins = match kind {
            RoomKind::Conference => Vec::new(),
            RoomKind::Live => self.room_admins(asking, room).await?,
        };
        let owner = facts.owner.clone();
        let described = |member: RoomMember| {
            let role = match member.role {
                _ if owner.as_ref() == Some(&member.account) => Role::Owner,
                None if admins.contains(&member.account) => Role::Admin,
                told => told.unwrap_or(Role::Member),
            };
            as_member(member, role)
        };
        let members = members.into_iter().map(described).collect();
        Ok(Answer::RoomCandidates { room: facts, members })
    }

    async fn room_members(
        &self,
        asking: &Asking<'_>,
        room: &RoomId,
        kind: RoomKind,
    ) -> Result<Vec<RoomMember>, NoReply> {
        let (mut members, mut next) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let read = RoomRead::Members { room: room.clone(), live: kind == RoomKind::Live, next };
            let call = Call::Room(read);
            let reply = self.ask(asking, &call).await?;
            let Reply::RoomMembers { members: some, next: further, .. } = reply else {
                return Err(unexpected(&call));
            };
            members.extend(some);
            match further {
                Some(further) => next = further,
                None => break,
            }
        }
        Ok(members)
    }

    /// Without the plan for it there are no admins, and Chat refuses to list them (63425).
    async fn room_admins(
        &self,
        asking: &Asking<'_>,
        room: &RoomId,
    ) -> Result<Vec<Account>, NoReply> {
        let call = Call::Room(RoomRead::Admins { room: room.clone() });
        match self.ask_if_there(asking, &call).await {
            Ok(Reply::Admins(admins)) => Ok(admins),
            Ok(_) => Err(unexpected(&call)),
            Err(NoReply::Failed(error))
                if matches!(error.class(), Class::Refused | Class::Configuration) =>
            {
                Ok(Vec::new())
            }
            Err(other) => Err(other),
        }
    }
}

fn as_member(member: RoomMember, role: Role) -> MemberFacts {
    MemberFacts {
        account: member.account,
        role,
        joined_at: None,
        name_card: member.name_card,
        muted_until: None,
        last_message_at: None,
    }
}
