//! What arrives at the bot's door and was never sent by a Chat.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use crate::SDK_APP_ID;
use crate::net::Net;
use crate::rng::Rng;

const JOIN: &str = "Group.CallbackAfterNewMemberJoin";
const SENT: &str = "Group.CallbackAfterSendMsg";

impl Net {
    /// Sends the bot something broken, foreign or immense. It answers, and it lives.
    pub fn garbage(self: &Arc<Self>, rng: &mut Rng) {
        let Some(door) = self.door() else { return };
        let (query, body) = made_up(rng);
        let (net, bytes) = (Arc::clone(self), body.len());
        tokio::spawn(async move {
            let told = query.clone();
            let request = Request::post(format!("/callback?{query}")).body(Body::from(body));
            let response = door.oneshot(request.unwrap()).await.unwrap();
            let status = response.status().as_u16();
            to_bytes(response.into_body(), usize::MAX).await.unwrap();
            net.story.tell(format!("garbage of {bytes} bytes for {told} is answered {status}"));
        });
    }
}

/// Query and body.
fn made_up(rng: &mut Rng) -> (String, String) {
    let query = |app: u64, command: &str| {
        format!(
            "SdkAppid={app}&CallbackCommand={command}&contenttype=json&ClientIP=9.9.9.9&OptPlatform=Web"
        )
    };
    let whole = r#"{"CallbackCommand":"Group.CallbackAfterNewMemberJoin","GroupId":"@TGS#cats","Type":"Public","JoinType":"Apply","Operator_Account":"ann","NewMemberList":[{"Member_Account":"eve"}]}"#;
    let ours = query(SDK_APP_ID, JOIN);
    match rng.below(9) {
        0 => (ours, whole[..usize::try_from(rng.below(whole.len() as u64)).unwrap()].to_owned()),
        1 => (ours, String::new()),
        2 => (ours, "[".repeat(5_000)),
        3 => (ours, whole.replace("\"@TGS#cats\"", "17")),
        4 => (ours, whole.replace("[{\"Member_Account\":\"eve\"}]", "{}")),
        5 => (query(17, JOIN), whole.to_owned()),
        6 => (query(SDK_APP_ID, "Group.CallbackOfNextYear"), whole.to_owned()),
        7 => (query(SDK_APP_ID, SENT), whole.to_owned()),
        _ => (String::new(), "x".repeat(2_000_000)),
    }
}
