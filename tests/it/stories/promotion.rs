//! Staff become admins when they join.

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

#[tokio::test]
async fn staff_who_join_become_admins_and_guests_do_not() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("staff_lin").await;
    cats.joins("guest").await;
    assert_eq!(cats.role("staff_lin"), Role::Admin);
    assert_eq!(cats.role("guest"), Role::Member);
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn in_an_avchatroom_staff_become_admins_through_modify_admin() {
    let stage = Stage::with_shipped_rules().await;
    let live = stage.create("@TGS#live", GroupType::AVChatRoom, "lea", &[]);
    live.joins("staff_mei").await;
    assert_eq!(live.role("staff_mei"), Role::Admin);
    assert_eq!(stage.calls("modify_admin"), [0]);
    assert_eq!(stage.calls("modify_group_member_info"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn in_a_work_group_without_admins_nothing_is_called() {
    let stage = Stage::with_shipped_rules().await;
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &[]);
    crew.joins("staff_lin").await;
    assert_eq!(crew.role("staff_lin"), Role::Member);
    assert_eq!(stage.calls("modify_group_member_info"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn one_callback_that_names_several_members_promotes_each() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let accounts = ["staff_a".into(), "staff_b".into(), "guest".into()];
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.invite(now, &"@TGS#cats".into(), &"administrator".into(), &accounts);
    });
    stage.settle().await;
    assert_eq!(cats.role("staff_a"), Role::Admin);
    assert_eq!(cats.role("staff_b"), Role::Admin);
    assert_eq!(cats.role("guest"), Role::Member);
    stage.finish().await;
}
