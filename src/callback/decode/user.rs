//! What happens to users outside groups (34357, 48733).

use super::callback::{Callback, Unfit, set, set_texts};
use crate::decision::Event;
use crate::decision::event::Field;
use crate::rule::EventKind;

/// A user came or went (34357). Older apps report a lost connection as `Logout`, newer ones as
/// `Disconnect`; both mean offline, and `reason` tells them apart. A login can end those on other
/// devices: `kicked_devices` are their platforms.
pub(super) fn state_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let info = callback.fields.inner("Info").ok_or_else(|| Unfit::missing("Info"))?;
    let kind = match info.word("Action").as_deref() {
        Some("Login") => EventKind::UserOnline,
        Some("Logout" | "Disconnect") => EventKind::UserOffline,
        _ => return Err(Unfit::Wrong("Action is none of Login, Logout, Disconnect")),
    };
    let mut event = callback.only(kind);
    event.member = Some(info.account("To_Account").ok_or_else(|| Unfit::missing("To_Account"))?);
    set_texts(&mut event, info, &[("reason", "Reason")]);
    if kind == EventKind::UserOnline {
        let devices = callback.fields.texts_under("KickedDevice", "Platform");
        set(&mut event, "kicked_devices", Field::Texts(devices));
    }
    Ok(vec![event])
}

/// A user's profile was set (48733): `tags` says which of its fields, their values are not kept.
pub(super) fn profile_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.only(EventKind::UserProfileChanged);
    let user = callback.fields.account("From_Account");
    event.member = Some(user.ok_or_else(|| Unfit::missing("From_Account"))?);
    let tags = callback.fields.objects("ProfileItem").filter_map(|item| item.text("Tag"));
    set(&mut event, "tags", Field::Texts(tags.map(Into::into).collect()));
    Ok(vec![event])
}
