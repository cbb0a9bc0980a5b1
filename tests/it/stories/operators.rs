//! What operators do while the bot runs.

use std::fs;

use groupkeeper::chat::{GroupType, Role};

use crate::stage::{Stage, repository};

#[tokio::test]
async fn a_changed_rule_is_in_force_after_a_reload() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let text = repository("rules/promote_staff.toml").replace("staff_", "crew_");
    fs::write(stage.folder.path().join("rules/promote_staff.toml"), text).unwrap();
    let told = stage.bot().rules.reload().await.unwrap();
    assert_eq!(told.changed, ["promote-staff"]);
    cats.joins("crew_kim").await;
    cats.joins("staff_lin").await;
    assert_eq!((cats.role("crew_kim"), cats.role("staff_lin")), (Role::Admin, Role::Member));
    stage.finish().await;
}

#[tokio::test]
async fn a_broken_rule_leaves_the_last_good_ones_in_force_and_is_shown() {
    let mut stage = Stage::with_shipped_rules().await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let file = stage.folder.path().join("rules/promote_staff.toml");
    fs::write(&file, "[rule.promote-staff]\nonn = \"member.joined\"\n").unwrap();
    assert!(stage.bot().rules.reload().await.unwrap_err().contains("onn"));
    let (_, rules) = stage.admin("/api/v1/rules").await;
    assert!(rules.contains("onn"), "{rules}");
    stage.group("@TGS#cats").joins("staff_lin").await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    // A restart with the broken file goes on with them too.
    stage.stop().await;
    stage.start().await.unwrap();
    stage.group("@TGS#cats").joins("staff_mei").await;
    assert_eq!(stage.group("@TGS#cats").role("staff_mei"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn an_emptied_directory_never_means_no_rules() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let rules = stage.folder.path().join("rules");
    for file in fs::read_dir(&rules).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert!(stage.bot().rules.reload().await.is_err());
    fs::remove_dir(&rules).unwrap();
    assert!(stage.bot().rules.reload().await.is_err());
    cats.joins("staff_lin").await;
    assert_eq!(cats.role("staff_lin"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn a_rule_in_shadow_decides_and_sends_nothing() {
    let text = repository("rules/promote_staff.toml");
    let shadow = text.replace("[rule.promote-staff]", "[rule.promote-staff]\nmode = \"shadow\"");
    assert_ne!(text, shadow);
    let stage = Stage::with_rules(&shadow).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("staff_lin").await;
    assert_eq!(cats.role("staff_lin"), Role::Member);
    assert_eq!(stage.calls("modify_group_member_info"), Vec::<i64>::new());
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("observed (shadow), not sent"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn the_admin_listener_tells_health_rules_and_why() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    assert_eq!(stage.admin("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(stage.admin("/readyz").await, (200, "ready\n".to_owned()));
    cats.joins("staff_lin").await;
    let (_, events) = stage.admin("/api/v1/events").await;
    let events: serde_json::Value = serde_json::from_str(&events).unwrap();
    let joined = events.as_array().unwrap().iter().find(|e| e["event"] == "member.joined").unwrap();
    assert_eq!(joined["rules"][0]["why"], "make staff_lin an admin of @TGS#cats");
    let (status, one) =
        stage.admin(&format!("/api/v1/events/{}", joined["id"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&one).unwrap(), *joined);
    assert_eq!(stage.admin("/api/v1/events/0000").await.0, 404);
    assert_eq!(stage.admin("/nowhere").await.0, 404);
    stage.finish().await;
}

#[tokio::test]
async fn without_a_token_a_page_in_a_browser_neither_asks_nor_orders() {
    let stage = Stage::with_shipped_rules().await;
    let url = format!("{}/api/v1/reload", stage.admin_url());
    let status = async |name: &str, value: &str| {
        let order = reqwest::Client::new().post(&url).header(name, value);
        order.send().await.unwrap().status().as_u16()
    };
    for (name, value) in [
        ("Origin", "https://example.com"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Host", "rebound.example.com:8081"),
    ] {
        assert_eq!(status(name, value).await, 403, "{name}: {value}");
    }
    for (name, value) in [
        ("Sec-Fetch-Site", "none"),
        ("Host", "localhost:9000"),
        ("Host", "[::1]:9000"),
        ("Host", "127.0.0.1"),
    ] {
        assert_eq!(status(name, value).await, 200, "{name}: {value}");
    }
    stage.finish().await;
}
