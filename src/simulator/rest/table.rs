//! Which commands there are, how often a second each may be called, and which only read.

use super::super::settings::Refusal;
use super::super::world::World;
use super::{
    Call, Reply, accounts, attributes, groups, live, marks, member_reads, members, messages, mutes,
    network, ownership, profiles, reads, room_bans, room_config, rooms, speaking, topics,
};

/// One REST command.
pub(super) struct Command {
    pub service: &'static str,
    pub name: &'static str,
    /// Calls a second for the whole app (34381).
    pub per_second: usize,
    /// Whether it leaves everything as it is.
    pub reads: bool,
    pub run: fn(&mut World, &Call) -> Result<Reply, Refusal>,
}

const GROUP: &str = "group_open_http_svc";
const AV: &str = "group_open_avchatroom_http_svc";
const ROOM: &str = "room_engine_http_srv";
const MIC: &str = "room_engine_http_mic";
const LIVE: &str = "live_engine_http_srv";
const TOPIC: &str = "million_group_open_http_svc";
const LOGIN: &str = "im_open_login_svc";

type Run = fn(&mut World, &Call) -> Result<Reply, Refusal>;

const fn read(service: &'static str, name: &'static str, run: Run) -> Command {
    Command { service, name, per_second: 200, reads: true, run }
}

const fn write(service: &'static str, name: &'static str, run: Run) -> Command {
    Command { service, name, per_second: 200, reads: false, run }
}

/// Commands of accounts: 100 a second.
const fn limited(service: &'static str, name: &'static str, reads: bool, run: Run) -> Command {
    Command { service, name, per_second: 100, reads, run }
}

static COMMANDS: &[Command] = &[
    write(GROUP, "change_group_owner", ownership::change_group_owner),
    write(GROUP, "modify_group_member_info", ownership::modify_group_member_info),
    read(GROUP, "get_role_in_group", ownership::get_role_in_group),
    write(AV, "modify_admin", ownership::modify_admin),
    read(AV, "get_admin_list", ownership::get_admin_list),
    read(GROUP, "get_group_info", reads::get_group_info),
    Command {
        service: GROUP,
        name: "get_appid_group_list",
        per_second: 1,
        reads: true,
        run: reads::get_appid_group_list,
    },
    read(GROUP, "get_joined_group_list", reads::get_joined_group_list),
    read(GROUP, "get_online_member_num", reads::get_online_member_num),
    read(GROUP, "get_group_member_info", member_reads::get_group_member_info),
    read(GROUP, "get_specified_group_member_info", member_reads::get_specified_group_member_info),
    read(AV, "get_members", member_reads::get_members),
    write(GROUP, "add_group_member", members::add_group_member),
    write(GROUP, "delete_group_member", members::delete_group_member),
    write(GROUP, "import_group_member", members::import_group_member),
    write(GROUP, "forbid_send_msg", mutes::forbid_send_msg),
    read(GROUP, "get_group_muted_account", mutes::get_group_muted_account),
    write(GROUP, "ban_group_member", mutes::ban_group_member),
    write(GROUP, "unban_group_member", mutes::unban_group_member),
    read(GROUP, "get_group_ban_member", mutes::get_group_ban_member),
    write(GROUP, "send_group_msg", messages::send_group_msg),
    write(GROUP, "send_group_system_notification", messages::send_group_system_notification),
    write(GROUP, "group_msg_recall", messages::group_msg_recall),
    write("openim", "sendmsg", messages::sendmsg),
    write(GROUP, "create_group", groups::create_group),
    write(GROUP, "destroy_group", groups::destroy_group),
    write(GROUP, "modify_group_base_info", groups::modify_group_base_info),
    limited(LOGIN, "account_check", true, accounts::account_check),
    limited(LOGIN, "account_import", false, accounts::account_import),
    limited(LOGIN, "account_delete", false, accounts::account_delete),
    read("ConfigSvc", "GetIPList", network::get_ip_list),
    write("openconfigsvr", "setnospeaking", speaking::setnospeaking),
    read("openconfigsvr", "getnospeaking", speaking::getnospeaking),
    read("profile", "portrait_get", profiles::portrait_get),
    write("profile", "portrait_set", profiles::portrait_set),
    read(GROUP, "get_group_shutted_uin", mutes::get_group_muted_account),
    write(AV, "modify_user_info", marks::modify_user_info),
    write(GROUP, "set_group_attr", attributes::set_group_attr),
    write(GROUP, "modify_group_attr", attributes::modify_group_attr),
    write(GROUP, "delete_group_attr", attributes::delete_group_attr),
    write(GROUP, "clear_group_attr", attributes::clear_group_attr),
    read("group_open_attr_http_svc", "get_group_attr", attributes::get_group_attr),
    write(TOPIC, "create_topic", topics::create_topic),
    write(TOPIC, "modify_topic", topics::modify_topic),
    read(TOPIC, "get_topic", topics::get_topic),
    write(TOPIC, "destroy_topic", topics::destroy_topic),
    write(ROOM, "create_room", rooms::create_room),
    write(ROOM, "destroy_room", rooms::destroy_room),
    read(ROOM, "get_room_info", rooms::get_room_info),
    write(ROOM, "change_room_owner", rooms::change_room_owner),
    read(ROOM, "get_room_member_list", rooms::get_room_member_list),
    write(ROOM, "update_room_member_info", rooms::update_room_member_info),
    write(ROOM, "kick_user_out", rooms::kick_user_out),
    write(LIVE, "create_room", live::create_room),
    write(LIVE, "destroy_room", live::destroy_room),
    read(LIVE, "get_room_info", live::get_room_info),
    write(LIVE, "change_room_owner", live::change_room_owner),
    read(LIVE, "get_member_list", live::get_member_list),
    read(LIVE, "get_admin_list", live::get_admin_list),
    write(LIVE, "modify_admin", live::modify_admin),
    read(LIVE, "get_room_list", live::get_room_list),
    write(ROOM, "update_room_info", rooms::update_room_info),
    write(ROOM, "ban_room_member", room_bans::ban_room_member),
    write(ROOM, "unban_room_member", room_bans::unban_room_member),
    read(ROOM, "get_banned_member_list", room_bans::banned_in_conference),
    write(ROOM, "mark_room_member", room_bans::mark_room_member),
    read(MIC, "get_seat_list", room_bans::get_seat_list),
    write(MIC, "pick_user_on_seat", room_bans::pick_user_on_seat),
    write(MIC, "kick_user_off_seat", room_bans::kick_user_off_seat),
    write(MIC, "lock_seat", room_bans::lock_seat),
    write(LIVE, "update_room_info", live::update_room_info),
    write(LIVE, "ban_member", room_bans::ban_member),
    write(LIVE, "unban_member", room_bans::unban_member),
    read(LIVE, "get_banned_member_list", room_bans::banned_in_live),
    write(LIVE, "set_room_metadata", live::set_room_metadata),
    write(LIVE, "del_room_metadata", live::del_room_metadata),
    read(LIVE, "get_room_metadata", live::get_room_metadata),
    write("room_config", "set_callback", room_config::set_conference),
    read("room_config", "get_callback", room_config::get_conference),
    write("live_config", "set_callback", room_config::set_live),
    read("live_config", "get_callback", room_config::get_live),
    write("live_config", "update_callback", room_config::update_live),
    write("live_config", "set_callback_token", room_config::set_live_token),
    read("live_config", "get_callback_token", room_config::get_live_token),
];

/// The command, or 10003 in a group service and 60009 elsewhere.
pub(super) fn find(service: &str, name: &str) -> Result<&'static Command, Refusal> {
    let known = COMMANDS.iter().find(|command| command.service == service && command.name == name);
    known.ok_or_else(|| {
        let code = if [GROUP, AV, TOPIC].contains(&service) { 10003 } else { 60009 };
        Refusal::new(code, format!("there is no command {service}/{name}"))
    })
}

/// Whether this command leaves everything as it is.
pub(in crate::simulator) fn is_read(service: &str, name: &str) -> bool {
    find(service, name).is_ok_and(|command| command.reads)
}

/// The names of all commands; a few services share one.
pub fn commands() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name)
}

/// Whether answers of this service have a `RequestId` and a `Response`.
pub(super) fn is_room_service(service: &str) -> bool {
    [ROOM, MIC, LIVE, "room_config", "live_config"].contains(&service)
}
