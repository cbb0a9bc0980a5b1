//! A disk that is really full: `tests/disk_full.sh` makes one and runs what is ignored here.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::store::{SledStore, Store, WriteSet};

use crate::stage::Stage;

/// A directory on a file system of a few MiB.
#[expect(clippy::disallowed_methods, reason = "the script says where it has made it")]
fn small_disk() -> PathBuf {
    PathBuf::from(std::env::var("SMALL_DISK").unwrap())
}

fn put(key: &str) -> WriteSet {
    let writes = vec![(key.as_bytes().to_vec(), Some(vec![7; 3_000]))];
    WriteSet { writes, durable: true, ..WriteSet::default() }
}

/// Takes all the space that there is.
fn fill(disk: &std::path::Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    path
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..600 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not happen within a minute");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small file system: tests/disk_full.sh"]
async fn a_store_on_a_full_disk_keeps_what_it_acknowledged_and_goes_on_when_there_is_space() {
    let disk = small_disk();
    let store = SledStore::open(disk.join("store")).unwrap();
    let mut kept = Vec::new();
    let mut number = 0;
    for round in 0..3 {
        let filler = fill(&disk);
        let refused = loop {
            number += 1;
            let key = format!("k{number:05}");
            match store.commit(put(&key)).await {
                Ok(()) => kept.push(key),
                Err(_) => break key,
            }
        };
        assert!(store.health().is_err(), "round {round}");
        assert!(store.commit(put("other")).await.is_err());
        fs::remove_file(filler).unwrap();
        until(|| store.health().is_ok()).await;
        assert_eq!(store.get(refused.as_bytes()).unwrap(), None, "it was not acknowledged");
        store.commit(put(&refused)).await.unwrap();
        kept.push(refused);
    }
    drop(store);
    let store = SledStore::open(disk.join("store")).unwrap();
    let keys: Vec<_> = kept.iter().map(|key| key.clone().into_bytes()).collect();
    assert!(store.keys(b"k", b"l", usize::MAX).unwrap() == keys);
}

const RULES: &str = r#"
[rule.quiet]
on = "message.sent"
when = 'message.text == "SHOUT"'
do = [{ mute = { for = "5m" } }]
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small file system: tests/disk_full.sh"]
async fn callbacks_are_refused_while_the_disk_is_full_and_taken_when_chat_repeats_them() {
    let disk = small_disk().join("service");
    fs::create_dir_all(&disk).unwrap();
    let url = format!("sled:{}", disk.display());
    let stage = Stage::with_settings(RULES, &[("STORE_URL", url.as_str())]).await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    let filler = fill(&small_disk());
    let say = async |number: u32| {
        let body = format!(
            r#"{{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"@TGS#cats","Type":"Public","From_Account":"ann","MsgSeq":{number},"MsgTime":{},"MsgBody":[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"SHOUT"}}}}]}}"#,
            stage.now().secs()
        );
        stage.post(&stage.signed_query("Group.CallbackAfterSendMsg"), body).await
    };
    let mut number = 1;
    let refused = loop {
        let (status, answer) = say(number).await;
        if status != 200 {
            break (status, answer);
        }
        number += 1;
        assert!(number < 20_000, "the disk does not get full");
    };
    assert_eq!(refused.0, 503, "{refused:?}");
    // Whatever comes now, until there is space again.
    for another in [number, number + 1] {
        assert_eq!(say(another).await.0, 503, "after {refused:?} to number {number}");
    }
    let (status, told) = stage.admin("/readyz").await;
    assert!(status == 503 && told.contains("no callback is taken until"), "{told}");
    fs::remove_file(filler).unwrap();
    until(|| stage.bot().store.health().is_ok()).await;
    assert_eq!(stage.admin("/readyz").await.0, 200);
    assert_eq!(say(number).await.0, 200);
    stage.advance(Duration::from_secs(120)).await;
    assert!(stage.group("@TGS#cats").muted_for("ann").is_some());
    stage.advance(Duration::from_secs(900)).await;
    stage.finish().await;
}
