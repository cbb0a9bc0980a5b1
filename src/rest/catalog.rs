//! Every command that we give Chat, in one table: where it is described, what for, with which limits.

use super::rate::Limiter;
use crate::chat::{GroupType as T, limits};
use crate::clock::Timestamp;

/// A command of Chat's REST API.
#[derive(Debug)]
pub struct Command {
    /// Below the host, as [`super::Call::path`] has it.
    pub path: &'static str,
    /// The document that describes it: under product 647 for rooms, 1047 for everything else.
    pub document: u32,
    /// The actions of rules that it carries out, or that it is read for.
    pub actions: &'static [&'static str],
    /// What it does besides, or which part of these; empty where the actions say all.
    pub what_for: &'static str,
    /// The most items of one call (or page), if it takes several.
    pub batch: Option<usize>,
    pub reach: Reach,
}

/// What a command can be used on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Groups of these types.
    Groups(&'static [T]),
    /// Rooms of this engine.
    Rooms(&'static str),
    /// Accounts, or the app as a whole.
    App,
}

/// The types whose members Chat stores (33529).
const STORED: &[T] = &[T::Work, T::Public, T::Meeting, T::Community];
/// The types in which members can be muted (34951).
const MUTABLE: &[T] = &[T::Public, T::Meeting, T::AVChatRoom, T::Community];

impl Command {
    /// The last part of the path, by which Chat counts calls and warns of too many.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// The document's address.
    pub fn link(&self) -> String {
        let product = if matches!(self.reach, Reach::Rooms(_)) { 647 } else { 1047 };
        format!("https://www.tencentcloud.com/document/product/{product}/{}", self.document)
    }

    /// How often it is called at most in any second, before Chat asks for less.
    pub fn calls_per_second(&self) -> usize {
        let mut limiter = Limiter::default();
        let take = |_: &usize| limiter.take(self.name(), Timestamp(0)).is_ok();
        (0..=limits::CALLS_PER_SECOND as usize).take_while(take).count()
    }
}

const fn row(
    path: &'static str,
    document: u32,
    actions: &'static [&'static str],
    what_for: &'static str,
    batch: Option<usize>,
    reach: Reach,
) -> Command {
    Command { path, document, actions, what_for, batch, reach }
}

/// Sorted by path.
#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    row("v4/ConfigSvc/GetIPList", 36_742, &[], "where callbacks may come from", None, Reach::App),
    row("v4/group_open_avchatroom_http_svc/get_admin_list", 60_524, &["set_role"], "admins, before and after one is made", None, Reach::Groups(&[T::AVChatRoom])),
    row("v4/group_open_avchatroom_http_svc/modify_admin", 60_525, &["set_role"], "", Some(limits::AVCHATROOM_ADMINS), Reach::Groups(&[T::AVChatRoom])),
    row("v4/group_open_http_svc/add_group_member", 34_921, &["add_members"], "", Some(limits::ADD_MEMBERS), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/ban_group_member", 50_296, &["ban"], "", Some(20), Reach::Groups(&[T::AVChatRoom])),
    row("v4/group_open_http_svc/change_group_owner", 34_966, &["transfer_owner"], "", None, Reach::Groups(STORED)),
    row("v4/group_open_http_svc/delete_group_member", 34_949, &["remove_member"], "", Some(limits::DELETE_MEMBERS), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/destroy_group", 34_896, &["dismiss_group"], "", None, Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/forbid_send_msg", 34_951, &["mute", "unmute"], "several members of a group at once", Some(limits::MUTE_MEMBERS), Reach::Groups(MUTABLE)),
    row("v4/group_open_http_svc/get_appid_group_list", 34_960, &[], "the app's groups, for reconciliation", Some(limits::GROUP_LIST_PAGE as usize), Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/get_group_ban_member", 50_295, &["ban", "unban"], "whether a ban whose answer was lost has come about", Some(100), Reach::Groups(&[T::AVChatRoom])),
    row("v4/group_open_http_svc/get_group_info", 34_961, &["transfer_owner"], "type, owner, name, size; whether a change of owner has come about", Some(limits::GROUP_INFO_GROUPS), Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/get_group_member_info", 34_948, &["transfer_owner"], "members: candidates, reconciliation", Some(limits::MEMBER_PAGE), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/get_group_muted_account", 34_964, &["mute"], "whether a mute has ended", None, Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/get_role_in_group", 34_963, &["set_role"], "roles", Some(limits::ROLE_ACCOUNTS), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/get_specified_group_member_info", 64_897, &[], "single members", Some(limits::SPECIFIED_MEMBERS), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/group_msg_recall", 34_965, &["recall_message"], "", Some(10), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/import_group_member", 34_969, &["import_members"], "", Some(limits::IMPORT_MEMBERS), Reach::Groups(STORED)),
    row("v4/group_open_http_svc/modify_group_base_info", 34_962, &["mute_all", "unmute_all", "set_group"], "", None, Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/modify_group_member_info", 34_900, &["set_role", "mute", "unmute", "set_name_card", "set_message_receiving", "set_member_fields"], "", None, Reach::Groups(STORED)),
    row("v4/group_open_http_svc/send_group_msg", 34_959, &["send_message"], "", None, Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/send_group_system_notification", 34_958, &["notify_group"], "", Some(limits::NOTIFY_ACCOUNTS), Reach::Groups(&T::ALL)),
    row("v4/group_open_http_svc/unban_group_member", 50_297, &["unban"], "", Some(20), Reach::Groups(&[T::AVChatRoom])),
    row("v4/im_open_login_svc/account_check", 34_956, &[], "whether accounts exist", Some(limits::CHECK_ACCOUNTS), Reach::App),
    row("v4/live_engine_http_srv/change_room_owner", 72_534, &["transfer_owner"], "", None, Reach::Rooms("Live")),
    row("v4/live_engine_http_srv/get_admin_list", 63_425, &["transfer_owner"], "admins: candidates", None, Reach::Rooms("Live")),
    row("v4/live_engine_http_srv/get_member_list", 66_908, &["transfer_owner"], "members: candidates", None, Reach::Rooms("Live")),
    row("v4/live_engine_http_srv/get_room_info", 63_404, &["transfer_owner"], "owner", None, Reach::Rooms("Live")),
    row("v4/openim/sendmsg", 34_919, &["send_private"], "", None, Reach::App),
    row("v4/room_engine_http_srv/change_room_owner", 60_713, &["transfer_owner"], "", None, Reach::Rooms("Conference")),
    row("v4/room_engine_http_srv/get_room_info", 60_704, &["transfer_owner"], "owner", None, Reach::Rooms("Conference")),
    row("v4/room_engine_http_srv/get_room_member_list", 60_715, &["transfer_owner"], "members and roles: candidates", Some(50), Reach::Rooms("Conference")),
];

/// Every command that we give Chat, by path.
pub fn commands() -> &'static [Command] {
    COMMANDS
}

/// A command by its name, if we use it; of two services that have one of that name, either.
pub fn named(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Ability;

    #[test]
    fn the_table_is_sorted_and_names_no_path_twice() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.path < b.path));
    }

    #[test]
    fn a_command_without_an_action_says_what_for() {
        for command in COMMANDS {
            assert!(!command.actions.is_empty() || !command.what_for.is_empty(), "{command:?}");
        }
    }

    #[test]
    fn calls_per_second_are_those_that_are_let_through() {
        let of = |name| named(name).unwrap().calls_per_second();
        assert_eq!(of("get_appid_group_list"), 1);
        assert_eq!(of("account_check"), 100);
        assert_eq!(of("send_group_msg"), 200);
    }

    #[test]
    fn the_types_of_a_command_are_those_that_have_the_ability() {
        let types = |ability| T::ALL.into_iter().filter(move |kind| kind.supports(ability));
        for (name, ability) in [
            ("change_group_owner", Ability::TransferOwner),
            ("modify_group_member_info", Ability::MemberProfile),
            ("add_group_member", Ability::Membership),
            ("delete_group_member", Ability::Membership),
            ("forbid_send_msg", Ability::Mute),
            ("ban_group_member", Ability::Ban),
            ("unban_group_member", Ability::Ban),
        ] {
            let expected: Vec<T> = types(ability).collect();
            assert_eq!(named(name).unwrap().reach, Reach::Groups(expected.leak()), "{name}");
        }
    }

    #[test]
    fn rooms_have_documents_of_another_product() {
        let link = |name| named(name).unwrap().link();
        assert!(link("get_room_info").contains("/647/"));
        assert!(link("sendmsg").ends_with("/1047/34919"));
    }
}
