//! Chat's limits in bytes and counts, each with its document.

/// `NameCard`, UTF-8 bytes (33529).
pub const NAME_CARD_BYTES: usize = 50;
/// A member field's value, UTF-8 bytes (33529).
pub const MEMBER_FIELD_BYTES: usize = 64;
/// A UserID, bytes (34381).
pub const ACCOUNT_BYTES: usize = 32;
/// A message, bytes. The documents say 8,000 (34381) and 12 KB (34959); the smaller one is safe.
pub const MESSAGE_BYTES: usize = 8_000;
/// Members of one `import_group_member` (34969).
pub const IMPORT_MEMBERS: usize = 300;
/// Members of one `delete_group_member` (34949; the limits page says 500).
pub const DELETE_MEMBERS: usize = 100;
/// Members of one `forbid_send_msg` (34951).
pub const MUTE_MEMBERS: usize = 500;
/// Members of one `get_specified_group_member_info` (64897).
pub const SPECIFIED_MEMBERS: usize = 50;
/// Groups of one page of `get_appid_group_list` (34960).
pub const GROUP_LIST_PAGE: u32 = 10_000;
/// Accounts of one `account_check` (34956).
pub const CHECK_ACCOUNTS: usize = 100;
/// Accounts of one `get_role_in_group` (34963).
pub const ROLE_ACCOUNTS: usize = 500;
/// Groups of one `get_group_info` (34961).
pub const GROUP_INFO_GROUPS: usize = 50;
/// Members of one page of `get_group_member_info` (34948: "recommended 100").
pub const MEMBER_PAGE: usize = 100;
/// Admins of an AVChatRoom (60525).
pub const AVCHATROOM_ADMINS: usize = 5;
/// `MuteTime` that means "for ever" (34951).
pub const MUTE_FOREVER: u32 = u32::MAX;
/// Calls a second of one REST command (34381).
pub const CALLS_PER_SECOND: u32 = 200;
/// Accounts of one `add_group_member` (34921).
pub const ADD_MEMBERS: usize = 300;
/// Accounts of one `send_group_system_notification` (34958).
pub const NOTIFY_ACCOUNTS: usize = 500;
/// A group's name, UTF-8 bytes (33529).
pub const GROUP_NAME_BYTES: usize = 30;
/// A group's introduction, UTF-8 bytes (33529).
pub const INTRODUCTION_BYTES: usize = 240;
/// A group's notification, UTF-8 bytes (33529).
pub const NOTIFICATION_BYTES: usize = 300;
/// The reason of a removal or ban, UTF-8 bytes (50296 says 1,000 for a ban; 34949 names no limit).
pub const REASON_BYTES: usize = 1_000;
