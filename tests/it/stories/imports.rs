//! Members who are brought in from elsewhere.

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

const RULES: &str = r#"
[rule.bring-the-old-staff]
on = "member.joined"
when = 'member.id == "olga_2"'
do = [{ import_members = { members = [{ id = "nina", role = "admin" }, { id = "ivan" }] } }]

[rule.tell-of-everybody]
on = "member.joined"
do = [{ send_message = { text = "welcome {member.id}" } }]
"#;

/// Chat sends no callbacks for an import (34969), so nobody is welcomed for it.
#[tokio::test]
async fn members_are_imported_with_their_roles_and_without_a_callback() {
    let stage = Stage::with_rules(RULES).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("olga_2").await;
    assert_eq!((cats.role("nina"), cats.role("ivan")), (Role::Admin, Role::Member));
    assert_eq!(stage.calls("import_group_member"), [0]);
    assert_eq!(cats.messages(), ["welcome olga_2"]);
    stage.finish().await;
}
