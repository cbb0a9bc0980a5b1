//! Saying, being asked, being too fast, and messages over REST.

use super::*;
use crate::simulator::{Answered, Refusal, Saying};

fn sent(sequence: i64, now: Timestamp) -> Saying {
    Saying::Sent { sequence, at: now }
}

#[test]
fn a_message_is_asked_for_then_delivered_then_told() {
    let mut world = with_group(asking_world(), GroupType::Public);
    let saying = world.say(at(0), &id(), &account("u2"), "hi");
    let Saying::Waiting(question) = saying else { panic!("{saying:?}") };
    let callbacks = world.take_callbacks();
    assert_eq!((callbacks.len(), callbacks[0].asks, callbacks[0].id), (1, true, question));
    let asked = parse(&callbacks[0].body);
    assert_eq!(asked["CallbackCommand"], "Group.CallbackBeforeSendMsg");
    assert!(asked.get("MsgSeq").is_none());
    assert_eq!(world.messages(&id()).len(), 0);

    let answered = world.answer(at(1), question, reply(0, ""));
    assert_eq!(answered, Some(Answered::Said(sent(1, at(1)))));
    assert_eq!(world.outcome(question), answered.as_ref());
    let body = told(&mut world).remove(0);
    assert_eq!(
        body,
        json!({
            "CallbackCommand": "Group.CallbackAfterSendMsg", "GroupId": GROUP, "Type": "Public",
            "From_Account": "u2", "Operator_Account": "u2", "Random": asked["Random"],
            "MsgSeq": 1, "MsgTime": at(1).secs(), "OnlineOnlyFlag": 0, "MsgPriority": "Normal",
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hi" } }],
            "CloudCustomData": "", "EventTime": at(1).0,
        })
    );
    assert_eq!(world.group(&id()).unwrap().members[&account("u2")].last_message_at, Some(at(1)));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn the_answer_decides_what_becomes_of_a_message() {
    let cases = [
        (
            reply(1, ""),
            Saying::Refused(Refusal { code: 10016, info: "refused by the callback".into() }),
            0,
        ),
        (reply(2, ""), Saying::Swallowed, 0),
        (reply(10_150, "rude"), Saying::Refused(Refusal { code: 10_150, info: "rude".into() }), 0),
        // Chat cannot use these; it delivers.
        (None, sent(1, at(1)), 1),
        (reply(7, ""), sent(1, at(1)), 1),
        (Some((500, Vec::new())), sent(1, at(1)), 1),
        (Some((200, b"OK".to_vec())), sent(1, at(1)), 1),
        (Some((200, br#"{"ErrorCode":0}"#.to_vec())), sent(1, at(1)), 1),
    ];
    for (word, expected, complaints) in cases {
        let mut world = with_group(asking_world(), GroupType::Public);
        let Saying::Waiting(question) = world.say(at(0), &id(), &account("u2"), "hi") else {
            panic!()
        };
        let answered = world.answer(at(1), question, word.clone());
        assert_eq!(answered, Some(Answered::Said(expected)), "{word:?}");
        assert_eq!(world.complaints().len(), complaints, "{word:?}");
    }
}

#[test]
fn an_allowing_answer_may_replace_the_message() {
    let mut world = with_group(asking_world(), GroupType::Public);
    let Saying::Waiting(question) = world.say(at(0), &id(), &account("u2"), "damn") else {
        panic!()
    };
    let word = json!({
        "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "CloudCustomData": "x",
        "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "****" } }],
    });
    world.answer(at(0), question, Some((200, word.to_string().into_bytes())));
    let message = &world.messages(&id())[0];
    assert_eq!((message.text.as_str(), message.custom_data.as_str()), ("****", "x"));
}

#[test]
fn an_app_can_choose_not_to_deliver_what_was_not_answered() {
    let mut world = with_group(asking_world(), GroupType::Public);
    world.settings_mut().refuse_unanswered = true;
    let Saying::Waiting(question) = world.say(at(0), &id(), &account("u2"), "hi") else { panic!() };
    let Some(Answered::Said(Saying::Refused(refusal))) = world.answer(at(2), question, None) else {
        panic!()
    };
    assert_eq!(refusal.code, 80003);
}

#[test]
fn a_muted_sender_is_refused_and_told_as_an_exception() {
    let mut world = with_group(world(), GroupType::Public);
    world.mute(at(0), &id(), &account("u1"), &account("u2"), 60).unwrap();
    let Saying::Refused(refusal) = world.say(at(1), &id(), &account("u2"), "spam") else {
        panic!()
    };
    assert_eq!(refusal.code, 10017);
    let body = &told(&mut world)[0];
    assert_eq!(body["CallbackCommand"], "Group.CallbackSendMsgException");
    assert_eq!((&body["ErrorCode"], &body["From_Account"]), (&json!(10017), &json!("u2")));
}

#[test]
fn with_everybody_muted_only_owner_and_admins_speak() {
    let mut world = with_group(world(), GroupType::Public);
    world.mute_all(at(0), &id(), &account("u1"), true).unwrap();
    assert!(matches!(world.say(at(1), &id(), &account("u2"), "a"), Saying::Refused(_)));
    assert_eq!(world.say(at(1), &id(), &account("u1"), "b"), sent(1, at(1)));
}

#[test]
fn the_41st_message_of_a_second_is_refused_or_in_an_avchatroom_dropped() {
    for (kind, lost) in [(GroupType::Public, false), (GroupType::AVChatRoom, true)] {
        let mut world = with_group(world(), kind);
        for n in 1..=40 {
            assert_eq!(world.say(at(0), &id(), &account("u2"), "a"), sent(n, at(0)));
        }
        told(&mut world);
        let saying = world.say(at(0), &id(), &account("u2"), "a");
        if lost {
            assert_eq!((saying, told(&mut world).len()), (Saying::Dropped, 0));
        } else {
            let Saying::Refused(refusal) = saying else { panic!() };
            assert_eq!(refusal.code, 10023);
            assert_eq!(told(&mut world)[0]["ErrorCode"], 10023);
        }
        assert_eq!(world.say(at(1), &id(), &account("u2"), "a"), sent(41, at(1)));
    }
}

#[test]
fn a_rest_message_is_the_admins_and_can_forbid_its_callbacks() {
    let mut world = with_group(asking_world(), GroupType::Public);
    let body = |random: u32, more: Value| {
        let mut body = json!({
            "GroupId": GROUP, "Random": random,
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hello" } }],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let quiet = json!({
        "ForbidCallbackControl": ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"],
    });
    let answer = call(&mut world, at(0), "send_group_msg", body(1, quiet.clone()));
    let mut expected = ok();
    expected["MsgSeq"] = json!(1);
    expected["MsgTime"] = json!(at(0).secs());
    expected["MsgDropReason"] = json!("");
    assert_eq!(answer, expected);
    assert_eq!(world.messages(&id())[0].from, account("admin"));
    assert_eq!(told(&mut world).len(), 0);

    // The same content and Random within five minutes is the same message.
    assert_eq!(call(&mut world, at(299), "send_group_msg", body(1, quiet.clone())), expected);
    assert_eq!(world.messages(&id()).len(), 1);
    call(&mut world, at(300), "send_group_msg", body(1, quiet));
    assert_eq!(world.messages(&id()).len(), 2);

    let half =
        json!({ "From_Account": "u2", "ForbidCallbackControl": ["ForbidBeforeSendMsgCallback"] });
    call(&mut world, at(301), "send_group_msg", body(2, half));
    let callbacks = world.take_callbacks();
    assert_eq!(platform(&callbacks[0]), "RESTAPI");
    let told = parse(&callbacks[0].body);
    assert_eq!((&told["From_Account"], &told["Operator_Account"]), (&json!("u2"), &json!("admin")));
}

#[test]
fn a_message_over_8000_bytes_or_of_another_shape_is_refused() {
    let mut world = with_group(world(), GroupType::Public);
    let mut send = |body: Value| {
        let body = json!({ "GroupId": GROUP, "Random": 1, "MsgBody": body });
        code(&call(&mut world, at(0), "send_group_msg", body))
    };
    let text = |text: String| json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }]);
    assert_eq!(send(text("x".repeat(8_000))), 80002);
    assert_eq!(send(json!([])), 10004);
    assert_eq!(send(json!([{ "MsgType": "TIMTextElem" }])), 10004);
    assert_eq!(send(text("x".repeat(7_900))), 0);
}

#[test]
fn recalling_has_a_code_for_each_message() {
    let mut world = with_group(world(), GroupType::Public);
    world.say(at(0), &id(), &account("u2"), "oops");
    told(&mut world);
    let body = json!({ "GroupId": GROUP, "MsgSeqList": [{ "MsgSeq": 1 }, { "MsgSeq": 9 }] });
    let answer = call(&mut world, at(1), "group_msg_recall", body.clone());
    assert_eq!(
        answer["RecallRetList"],
        json!([{ "MsgSeq": 1, "RetCode": 0 }, { "MsgSeq": 9, "RetCode": 10030 }])
    );
    assert_eq!(told(&mut world)[0]["MsgSeqList"], json!([{ "MsgSeq": 1 }]));
    let answer = call(&mut world, at(2), "group_msg_recall", body);
    assert_eq!(answer["RecallRetList"][0]["RetCode"], 10030);
}

#[test]
fn private_messages_are_asked_for_with_codes_of_their_own() {
    let mut world = asking_world();
    let Saying::Waiting(question) = world.say_privately(at(0), &account("a"), &account("b"), "hi")
    else {
        panic!()
    };
    let asked = told(&mut world).remove(0);
    let random = asked["MsgRandom"].as_u64().unwrap();
    assert_eq!(asked["MsgKey"], format!("1_{random}_{}", at(0).secs()));
    let answered = world.answer(at(0), question, reply(1, ""));
    let Some(Answered::Said(Saying::Refused(refusal))) = answered else { panic!() };
    assert_eq!(refusal.code, 20006);

    let body = json!({
        "To_Account": "b", "MsgRandom": 77, "MsgBody": asked["MsgBody"],
        "ForbidCallbackControl": ["ForbidBeforeSendMsgCallback"],
    });
    let answer = call(&mut world, at(5), "sendmsg", body);
    assert_eq!(answer["MsgKey"], format!("1_77_{}", at(5).secs()));
    assert_eq!(world.private_messages()[0].0, account("b"));
    assert_eq!(told(&mut world)[0]["SendMsgResult"], 0);
}

#[test]
fn a_lost_question_counts_as_timed_out() {
    let mut world = with_group(asking_world(), GroupType::Public);
    let fault = crate::simulator::Fault {
        on: "Group.CallbackBefore*".into(),
        times: Some(1),
        kind: crate::simulator::FaultKind::Lose,
    };
    world.inject(at(0), fault);
    assert_eq!(world.say(at(0), &id(), &account("u2"), "hi"), sent(1, at(0)));
}
