//! Stories in which operators give orders: about dead letters, sanctions, and what is in quarantine.

use std::sync::Arc;

use groupkeeper::clock::Timestamp;
use groupkeeper::decision::StateKey;
use groupkeeper::ledger;
use groupkeeper::pipeline::{DeadFate, Order, Which};

use super::scenes::{Happens, Scene, cats, joins, meets, on_go, order, says, scene};
use crate::BEGIN;
use crate::weather::Trouble;

/// An answer that says so little that a refusal may hide behind it: given up after fifteen minutes.
const SAYS_LITTLE: Trouble = Trouble::Code(80_003);

pub fn scenes() -> Vec<Scene> {
    let mut all = dead_letters();
    all.extend(sanctions());
    all.push(quarantine());
    all.push(other_rules());
    all
}

fn dead(fate: DeadFate) -> Happens {
    order(move |bot| {
        Box::pin(async move {
            bot.engine.pipeline.settle_dead(&Which::All, fate, None, 100).await.unwrap();
        })
    })
}

fn dead_letters() -> Vec<Scene> {
    let mute = on_go(r#"{ mute = { for = "10m" } }, { send_message = { text = "muted" } }"#);
    let told = [
        ("given up, and tried again by hand", DeadFate::Retry),
        ("given up, and dropped by hand", DeadFate::Drop),
        ("given up, and taken for done by hand", DeadFate::TakeForDone),
    ];
    let script =
        |fate| vec![(0, meets(SAYS_LITTLE, 2_400)), (1, says("ben", "go")), (2_700, dead(fate))];
    told.into_iter().map(|(name, fate)| scene(name, &mute, script(fate), 4_500)).collect()
}

fn ordered(what: Order) -> Happens {
    order(move |bot| {
        Box::pin(async move {
            let pipeline = &bot.engine.pipeline;
            pipeline.order_sanction(&cats(), &"ben".into(), None, what).await.unwrap();
        })
    })
}

fn sanctions() -> Vec<Scene> {
    let mute = on_go(r#"{ mute = { for = "10m" } }"#);
    let ended = "[rule.over]\non = \"mute.ended\"\ndo = [{ send_message = { text = \"{member.id} may speak\" } }]\n";
    let rules = format!("{mute}{ended}");
    let at = |seconds: i64| Order::Until(Timestamp(BEGIN.0 + 1_000 * seconds));
    let script = |order| vec![(0, says("ben", "go")), (60, ordered(order))];
    vec![
        scene("a mute is lifted by hand", &rules, script(Order::Lift), 900),
        scene("a mute is made longer by hand", &rules, script(at(1_200)), 1_800),
        scene("a mute is made shorter by hand", &rules, script(at(180)), 900),
    ]
}

fn other_rules() -> Scene {
    let first = on_go(r#"{ send_message = { text = "as it was" } }"#);
    let second = r#"
[rule.go]
on = "message.sent"
when = 'message.text == "go"'
do = [{ set_name_card = { text = "new" } }, { send_message = { text = "as it is" } }]
"#;
    let broken = "[rule.go]\non = \"message.sentt\"\n";
    let script = vec![
        (0, says("ben", "go")),
        (20, Happens::Saved(second)),
        (40, says("ann", "go")),
        (60, Happens::Saved(broken)),
        (80, says("ben", "go")),
    ];
    Scene {
        saves: true,
        ..scene("other rules are saved, and then broken ones", &first, script, 200)
    }
}

fn quarantine() -> Scene {
    let hello = r#"
[rule.hello]
on = "member.joined"
do = [{ send_message = { text = "hello {member.id}" } }]
"#;
    let record = |value: Option<&'static [u8]>| {
        let key = ledger::state_key(&StateKey::Member(cats(), "dora".into()));
        Happens::ToTheDisk(Arc::new(move |disk, _| {
            disk.put(key.clone(), value.map(<[u8]>::to_vec));
        }))
    };
    let again = order(|bot| {
        Box::pin(async move {
            let pipeline = &bot.engine.pipeline;
            pipeline.settle_quarantined(&Which::All, DeadFate::Retry).await.unwrap();
        })
    });
    let script = vec![
        (0, record(Some(b"{garbled"))),
        (1, joins("dora")),
        (2, joins("eve")),
        (60, record(None)),
        (61, again),
    ];
    scene("what could not be decided is tried again by hand", hello, script, 300)
}
