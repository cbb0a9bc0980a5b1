//! Chat's error codes in one table: what each means and what is to be done (34348, 34620; rooms 60713).

use std::time::Duration;

use super::error::Class;
use Class::{Again, AgainBriefly, Configuration, Done, Refused, Resign, SlowDown, Wait};

/// A code, or a range of codes with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub first: i64,
    pub last: i64,
    /// Only for these commands; empty for all. Such rows stand before the general one.
    pub only: &'static [&'static str],
    pub class: Class,
    pub meaning: &'static str,
}

const fn row(code: i64, class: Class, meaning: &'static str) -> Row {
    Row { first: code, last: code, only: &[], class, meaning }
}

const fn range(first: i64, last: i64, class: Class, meaning: &'static str) -> Row {
    Row { first, last, only: &[], class, meaning }
}

const fn only(
    code: i64,
    only: &'static [&'static str],
    class: Class,
    meaning: &'static str,
) -> Row {
    Row { first: code, last: code, only, class, meaning }
}

/// Finds the row for a code that answers `command`.
pub fn find(command: &str, code: i64) -> Option<&'static Row> {
    TABLE.iter().find(|row| {
        (row.first..=row.last).contains(&code)
            && (row.only.is_empty() || row.only.contains(&command))
    })
}

/// Whether a code answers for the app, the account or the address that calls, whatever the command.
/// `90009` and `70403` are no such codes: one service gives them, and the others may work.
pub fn concerns_app(code: i64) -> bool {
    matches!(
        code,
        60004 | 60005 | 60006 | 60010 | 60011 | 60016..=60021
            | 70001..=70003 | 70005 | 70009 | 70013 | 70014 | 70016 | 70020 | 70050 | 70051 | 70114
    )
}

/// All documented codes, by family.
pub const TABLE: &[Row] = &[
    // The gate: HTTP, app, rates
    row(60002, Refused, "malformed HTTP request"),
    row(60003, Refused, "malformed JSON"),
    row(60004, Resign, "the admin or the UserSig in the URL is wrong"),
    row(60005, Resign, "the admin or the UserSig in the URL is wrong"),
    row(60006, Configuration, "the SDKAppID is wrong"),
    row(60007, SlowDown, "over the rate limit of this command"),
    row(60008, Again, "Chat's own time-out"),
    row(60009, Refused, "wrong kind of request"),
    row(60010, Configuration, "the account that signs is not an app admin"),
    row(60011, SlowDown, "over the rate limit of the app"),
    row(60012, Refused, "the SDKAppID is missing from the URL"),
    row(60013, Refused, "the body is not JSON"),
    row(60014, Again, "Chat's own time-out at its account switch"),
    row(60015, Refused, "wrong kind of account"),
    row(60016, Configuration, "the SDKAppID is disabled"),
    row(60017, Configuration, "requests of this app are disabled"),
    row(60018, SlowDown, "too many requests"),
    row(60019, SlowDown, "too many requests"),
    row(60020, Configuration, "the plan has expired or does not include this"),
    row(60021, Configuration, "requests from this IP address are not allowed"),
    // UserSig and accounts
    row(70001, Resign, "the UserSig has expired"),
    row(70002, Resign, "the UserSig is empty"),
    row(70003, Resign, "the UserSig is invalid"),
    row(70005, Resign, "the UserSig is invalid"),
    row(70009, Configuration, "the UserSig does not verify: is this app's secret key right?"),
    row(70013, Configuration, "the UserSig is for another account"),
    row(70014, Configuration, "the UserSig is for another SDKAppID"),
    row(70016, Configuration, "the app has no secret key"),
    row(70020, Configuration, "the app does not exist"),
    row(70050, Wait(Duration::from_secs(60)), "too many wrong UserSigs"),
    row(70051, Configuration, "the account is on the block list"),
    row(70107, Refused, "the account does not exist"),
    row(70114, Configuration, "the account's login is restricted"),
    row(70169, Again, "Chat's own time-out"),
    row(70202, Again, "Chat's own time-out"),
    row(70206, Refused, "too many or no accounts in one call"),
    row(70398, Configuration, "the plan's number of accounts is used up"),
    row(70402, Refused, "a parameter is wrong"),
    row(70403, Configuration, "the account that signs is not an app admin"),
    row(70500, Again, "internal error of Chat"),
    row(72000, Configuration, "the plan does not include this"),
    // Groups
    only(10001, &["modify_admin"], Resign, "not logged in: the admin or the UserSig is wrong"),
    row(10002, Again, "internal error of the group service"),
    row(10003, Refused, "unknown command"),
    row(10004, Refused, "a parameter is wrong"),
    row(10005, Refused, "too many accounts in one call"),
    row(10006, SlowDown, "over the rate limit of this operation"),
    row(10007, Refused, "not permitted, or not supported by this group type"),
    row(10009, Refused, "the owner cannot leave"),
    only(
        10010,
        &["delete_group_member", "destroy_group"],
        Done,
        "the group does not exist any more",
    ),
    row(10010, Refused, "the group does not exist any more"),
    row(10011, Refused, "the body does not fit the command"),
    row(10012, Refused, "an account is not valid"),
    row(10013, Done, "already a member"),
    row(10014, Refused, "the group is full"),
    row(10015, Refused, "the group does not exist"),
    row(10016, Refused, "refused by the app's before callback"),
    row(10017, Refused, "the sender is muted"),
    row(10018, Refused, "the answer would be over 1 MB"),
    row(10019, Refused, "an account does not exist"),
    row(10021, Refused, "the group id is taken"),
    row(10023, SlowDown, "over the rate limit of messages"),
    row(10024, Done, "the application was handled before"),
    // After a dismissal the id becomes free again within seconds (seen, not documented).
    row(10025, AgainBriefly, "the group id is taken, by a group of this owner"),
    row(10026, Configuration, "this command is disabled for the app"),
    row(10030, Refused, "the message to recall does not exist"),
    row(10031, Refused, "the message is too old to recall"),
    row(10032, Refused, "a message of this kind cannot be recalled"),
    row(10033, Refused, "messages of this group type cannot be recalled"),
    row(10036, Refused, "the quota of AVChatRooms is used up"),
    row(10037, Refused, "the account is in too many groups"),
    row(10038, Refused, "the quota of groups is used up"),
    row(10041, Refused, "the app is configured not to recall messages"),
    range(10045, 10048, Refused, "a group attribute is over a limit"),
    row(10049, SlowDown, "over the rate limit of group attributes"),
    row(10056, Again, "somebody wrote at the same time"),
    row(10058, Refused, "a quota is used up"),
    row(10059, Configuration, "the plan does not include this"),
    row(10060, Refused, "a quota is used up"),
    range(10100, 10200, Refused, "refused by the app's before callback, with a code of its own"),
    row(11000, Configuration, "communities are not switched on for the app"),
    // Messages, profiles, relations
    row(20001, Refused, "malformed message request"),
    only(20002, &["sendmsg"], Resign, "the UserSig has expired"),
    row(20003, Refused, "the sender or the receiver does not exist"),
    row(20004, Again, "internal error of the message service"),
    row(20005, Again, "internal error of the message service"),
    row(20006, Refused, "refused by the app's before callback"),
    row(20007, Refused, "the receiver blocks the sender"),
    range(20009, 20011, Refused, "the two are not friends"),
    row(20012, Refused, "the sender is muted"),
    row(20028, Again, "somebody wrote at the same time"),
    range(38000, 39000, Refused, "refused by the app's before callback, with a code of its own"),
    row(40003, Refused, "the account does not exist"),
    row(40006, Again, "internal error of the profile service"),
    row(80001, Refused, "the text was rejected by moderation"),
    row(80002, Refused, "the message is too long"),
    row(80003, AgainBriefly, "the app's before callback failed"),
    row(80004, Refused, "the picture was rejected by moderation"),
    range(90001, 90008, Refused, "malformed message request"),
    row(90009, Configuration, "the account that signs is not an app admin"),
    range(90010, 90011, Refused, "malformed message request"),
    row(90012, Refused, "the receiver does not exist"),
    row(90031, Refused, "malformed message request"),
    row(90048, Refused, "the account does not exist"),
    row(90055, Refused, "the message is too long"),
    row(90992, Again, "internal error of the message service"),
    row(90994, Again, "internal error of the message service"),
    row(90995, Again, "internal error of the message service"),
    row(91000, Again, "internal error of the message service"),
    row(93000, Refused, "the message is too long"),
    range(120001, 130000, Refused, "refused by the app's before callback, with a code of its own"),
    // Rooms
    row(100001, Again, "internal error of the room service"),
    row(100002, Refused, "a parameter is wrong"),
    only(100004, &["destroy_room"], Done, "the room does not exist any more"),
    row(100004, Refused, "the room does not exist any more"),
    row(100005, Refused, "the account is not in the room"),
    row(100006, Refused, "not permitted in this room"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as our reading of Chat's documents has it, by class and not by code: a slip in one is
    /// not repeated in the other.
    const READING: &[(Class, &[i64])] = &[
        (Refused, &[60002, 60003, 60009, 60012, 60013, 60015, 70206, 70402, 70107]),
        (Resign, &[60004, 60005, 70001, 70002, 70003, 70005]),
        (Configuration, &[60006, 60016, 60017, 60010, 70403, 90009, 60020, 10059, 70398, 72000]),
        (Configuration, &[11000, 60021, 70009, 70016, 70013, 70014, 70020, 70051, 70114, 10026]),
        (SlowDown, &[60007, 60011, 60018, 60019, 10006, 10023, 10049]),
        (Again, &[60008, 60014, 70169, 70202, 70500, 10002, 10056, 20028, 100001]),
        (Again, &[20004, 20005, 90992, 90994, 90995, 91000, 40006]),
        (Wait(Duration::from_secs(60)), &[70050]),
        (Refused, &[10003, 10004, 10005, 10011, 10015, 10018, 10007, 10009, 10010, 10012, 10019]),
        (Refused, &[10014, 10036, 10037, 10038, 10058, 10060, 10016, 10017, 10021]),
        (Refused, &[10030, 10031, 10032, 10033, 10041, 20003, 90012, 90048, 40003]),
        (Refused, &[20006, 20007, 20009, 20010, 20011, 20012, 80001, 80004, 80002, 93000, 90055]),
        (Refused, &[10100, 10150, 10200, 38000, 38500, 39000, 120_001, 125_000, 130_000]),
        (Refused, &[10045, 10046, 10047, 10048]),
        (Refused, &[20001, 90001, 90002, 90003, 90005, 90007, 90010, 90031]),
        (Refused, &[100_002, 100_004, 100_005, 100_006]),
        (Done, &[10013, 10024]),
        (AgainBriefly, &[10025, 80003]),
    ];

    #[test]
    fn every_documented_code_has_the_class_that_the_documents_give_it() {
        for (class, codes) in READING {
            for code in *codes {
                let found = find("send_group_msg", *code).map(|row| row.class);
                assert_eq!(found, Some(*class), "{code}");
            }
        }
    }

    #[test]
    fn every_row_is_in_the_reading_and_says_what_it_means() {
        for row in TABLE {
            let read = READING.iter().any(|(_, codes)| codes.contains(&row.first));
            assert!(read || !row.only.is_empty(), "{}", row.first);
            assert!(row.first <= row.last && !row.meaning.is_empty(), "{}", row.first);
        }
    }

    #[test]
    fn no_row_hides_behind_another() {
        for (i, row) in TABLE.iter().enumerate() {
            for earlier in &TABLE[..i] {
                let apart = row.last < earlier.first || earlier.last < row.first;
                assert!(
                    apart || !earlier.only.is_empty(),
                    "{} behind {}",
                    row.first,
                    earlier.first
                );
            }
        }
    }

    #[test]
    fn the_borders_of_a_range_belong_to_it_and_their_neighbours_do_not() {
        for outside in [10099, 10201, 37999, 39001, 120_000, 130_001, 20008, 20013] {
            assert!(find("send_group_msg", outside).is_none(), "{outside}");
        }
    }

    #[test]
    fn codes_of_the_gate_and_of_the_signature_concern_the_app_and_those_of_a_command_do_not() {
        for code in [60006, 60010, 60011, 60017, 60018, 60019, 60020, 60021, 70003, 70009, 70051] {
            assert!(concerns_app(code), "{code}");
        }
        for code in [60007, 60008, 70107, 70403, 90009, 10026, 10059, 72000, 11000, 10007] {
            assert!(!concerns_app(code), "{code}");
        }
    }

    #[test]
    fn a_group_that_is_gone_is_success_for_whoever_wanted_it_gone() {
        assert_eq!(find("destroy_group", 10010).map(|row| row.class), Some(Done));
        assert_eq!(find("modify_group_member_info", 10010).map(|row| row.class), Some(Refused));
        assert_eq!(find("destroy_room", 100_004).map(|row| row.class), Some(Done));
        assert_eq!(find("delete_group_member", 10010).map(|row| row.class), Some(Done));
        assert_eq!(find("modify_admin", 10001).map(|row| row.class), Some(Resign));
        assert!(find("send_group_msg", 10001).is_none());
    }
}
