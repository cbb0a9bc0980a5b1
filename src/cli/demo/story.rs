//! The demo's story: what people do in Chat, and what must be so afterwards.

use std::time::Duration;

use super::stage::{Broken, Stage};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::simulator::{Fault, FaultKind, NewGroup};

const CATS: &str = "@TGS#cats";
const LIVE: &str = "@TGS#live";
const CREW: &str = "@TGS#crew";
const NIGHT: &str = "@TGS#night";

/// Tells it from the beginning to the end.
pub(super) async fn tell(stage: &mut Stage) -> Result<(), Broken> {
    println!("Groupkeeper on a simulated Tencent Chat: {}", stage.simulator_url());
    println!("State in {} (removed at the end)", stage.folder());
    people(stage);
    staff_joins(stage).await?;
    ann_floods(stage).await?;
    chat_is_down(stage).await?;
    the_bot_restarts(stage).await?;
    the_owner_leaves(stage).await?;
    a_callback_is_lost(stage).await?;
    somebody_forges(stage).await?;
    let owed = stage.owed()?;
    println!();
    stage.expect("nothing is left over in the outbox", owed == 0);
    Ok(())
}

/// The groups as they are before the bot hears anything.
fn people(stage: &Stage) {
    let now = stage.now();
    let day = Duration::from_secs(86_400);
    stage.simulator.with_world(|world| {
        let mut cats = NewGroup::new(CATS, GroupType::Public, "olga", &["ann"]);
        cats.members.push((Account::from("bob"), Role::Admin, now - day * 30));
        world.create_group(now, cats);
        world.create_group(now, NewGroup::new(LIVE, GroupType::AVChatRoom, "lea", &[]));
        for (id, owner) in [(CREW, "walt"), (NIGHT, "nora")] {
            let mut group = NewGroup::new(id, GroupType::Work, owner, &[]);
            group.members.push((Account::from("bot_helper"), Role::Member, now - day * 400));
            group.members.push((Account::from("wendy"), Role::Member, now - day * 300));
            group.members.push((Account::from("will"), Role::Member, now - day * 10));
            world.create_group(now, group);
        }
    });
}

fn group(id: &str) -> GroupId {
    GroupId::from(id)
}

async fn staff_joins(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(1, "Staff become admins when they join");
    join(stage, CATS, "staff_lin").await?;
    stage
        .expect("staff_lin is an admin of @TGS#cats", stage.role(CATS, "staff_lin") == Role::Admin);
    join(stage, CATS, "guest").await?;
    stage.expect("guest is a plain member", stage.role(CATS, "guest") == Role::Member);
    stage.tell("", "in an AVChatRoom, where Chat knows another command for it:");
    join(stage, LIVE, "staff_mei").await?;
    stage
        .expect("staff_mei is an admin of @TGS#live", stage.role(LIVE, "staff_mei") == Role::Admin);
    Ok(())
}

async fn join(stage: &Stage, id: &str, who: &str) -> Result<(), Broken> {
    let now = stage.now();
    stage.act(&format!("{who} joins {id}"), |world| {
        if world.group(&group(id)).is_some_and(|group| group.kind == GroupType::Work) {
            world.invite(now, &group(id), &"administrator".into(), &[who.into()])
        } else {
            world.join(now, &group(id), &who.into())
        }
    });
    stage.settle().await
}

async fn flood(stage: &Stage, who: &str) -> Result<(), Broken> {
    stage.tell("Chat", &format!("{who} says six things in six seconds in {CATS}"));
    for number in 1..=6 {
        let now = stage.now();
        let text = format!("look at this, number {number}");
        stage.simulator.with_world(|world| world.say(now, &group(CATS), &who.into(), &text));
        stage.settle().await?;
        if number < 6 {
            stage.skip(Duration::from_secs(1));
        }
    }
    Ok(())
}

async fn ann_floods(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(2, "Flooders are muted, for a time that ends");
    flood(stage, "ann").await?;
    stage.expect("ann is muted for five minutes", stage.muted_for(CATS, "ann") == 300);
    let announced = stage.simulator.with_world(|world| {
        world
            .messages(&group(CATS))
            .iter()
            .any(|message| message.text.contains("ann is muted for 5m"))
    });
    stage.expect("the group was told why", announced);
    stage.pass(Duration::from_secs(301), "five minutes pass").await?;
    stage.expect("ann may speak again", stage.muted_for(CATS, "ann") == 0);
    flood(stage, "ann").await?;
    stage.expect("the second time it is half an hour", stage.muted_for(CATS, "ann") == 1800);
    flood(stage, "bob").await?;
    stage.expect("bob, an admin, is left alone", stage.muted_for(CATS, "bob") == 0);
    Ok(())
}

async fn chat_is_down(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(3, "Chat fails, and nothing is lost");
    let now = stage.now();
    stage.act("answers the next two calls with HTTP 502", |world| {
        let kind = FaultKind::Status(502);
        world.inject(now, Fault { on: "*".into(), times: Some(2), kind });
    });
    join(stage, CATS, "staff_joe").await?;
    stage.expect("staff_joe is no admin yet", stage.role(CATS, "staff_joe") == Role::Member);
    stage.pass(Duration::from_secs(30), "half a minute passes").await?;
    stage.expect("staff_joe is an admin", stage.role(CATS, "staff_joe") == Role::Admin);
    let now = stage.now();
    stage.act("carries out the next call, and its answer is lost", |world| {
        let on = "modify_group_member_info".to_owned();
        world.inject(now, Fault { on, times: Some(1), kind: FaultKind::ApplyThenDropReply });
    });
    join(stage, CATS, "staff_kim").await?;
    stage.pass(Duration::from_secs(30), "half a minute passes").await?;
    stage.expect(
        "staff_kim is an admin, verified and not set twice",
        stage.role(CATS, "staff_kim") == Role::Admin,
    );
    Ok(())
}

async fn the_bot_restarts(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(4, "The bot stops in the middle, and goes on where it was");
    stage.tell("bot", "stops; ann is still muted");
    stage.stop().await;
    stage.expect("the mute stands", stage.muted_for(CATS, "ann") > 0);
    stage.start().await?;
    stage.tell("bot", "starts again on the same folder");
    stage.pass(Duration::from_secs(1801), "half an hour passes").await?;
    stage.expect(
        "ann may speak again, and the bot has verified it",
        stage.muted_for(CATS, "ann") == 0,
    );
    Ok(())
}

async fn the_owner_leaves(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(5, "A group whose owner leaves gets a new one");
    join(stage, CREW, "newcomer").await?;
    let now = stage.now();
    let left = stage.act("walt, who owns @TGS#crew, leaves", |world| {
        world.leave(now, &group(CREW), &"walt".into())
    });
    left.map_err(|refusal| refusal.to_string())?;
    stage.settle().await?;
    stage.expect("for two minutes people may settle it", owner(stage, CREW).is_none());
    stage.pass(Duration::from_secs(121), "two minutes pass").await?;
    stage.expect(
        "wendy, the longest-serving member who is no bot, owns the group",
        owner(stage, CREW) == Some("wendy".into()),
    );
    Ok(())
}

fn owner(stage: &Stage, id: &str) -> Option<Account> {
    stage.simulator.with_world(|world| world.group(&group(id))?.owner.clone())
}

async fn a_callback_is_lost(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(6, "A callback is lost; the bot compares its groups with Chat and finds it");
    join(stage, NIGHT, "latecomer").await?;
    let now = stage.now();
    stage
        .act("nora, who owns @TGS#night, leaves; the callback is lost", |world| {
            world.inject(now, Fault { on: "*".into(), times: Some(1), kind: FaultKind::Lose });
            world.leave(now, &group(NIGHT), &"nora".into())
        })
        .map_err(|refusal| refusal.to_string())?;
    stage.settle().await?;
    stage.expect("the group has no owner, and nobody knows", owner(stage, NIGHT).is_none());
    stage
        .pass(
            Duration::from_secs(86_400),
            "a day passes, and with it the time of the nightly sweep",
        )
        .await?;
    stage.expect("wendy owns @TGS#night", owner(stage, NIGHT) == Some("wendy".into()));
    Ok(())
}

async fn somebody_forges(stage: &mut Stage) -> Result<(), Broken> {
    stage.chapter(7, "Somebody who does not know the token sends a callback");
    let now = stage.now();
    stage.act("a callback says that staff_fake joined, signed with another token", |world| {
        world.settings_mut().callback_token = Some("guessed".to_owned());
        world.join(now, &group(CATS), &"staff_fake".into())
    });
    stage.settle().await?;
    stage.restore_token();
    stage.expect(
        "it is refused: staff_fake is no admin",
        stage.role(CATS, "staff_fake") == Role::Member,
    );
    Ok(())
}
