//! What operators do while it runs: they release and drop what waits for them, lift and change sanctions,
//! and have groups compared.

use std::sync::Arc;
use std::time::Duration;

use groupkeeper::decision::StateValue;
use groupkeeper::ledger::{self, DeadLetter, Kind};
use groupkeeper::pipeline::{DeadFate, Fate, Order, Which};

use super::account;
use super::end::{decoded, may_have_been_sent};
use crate::bot::{Bot, Machine};
use crate::rng::Rng;

/// Gives one order, as the admin API would. A disk that is full refuses it, and nothing has happened.
pub fn orders(machine: &Machine, bot: &Bot, rng: &mut Rng) {
    let pipeline = bot.engine.pipeline.clone();
    match rng.below(4) {
        0 | 1 => {
            let which = Which::Rule((*rng.pick(&["ping", "promote-on-join"])).into());
            let fate = if rng.chance(700) { Fate::Release } else { Fate::Discard };
            tokio::spawn(async move { pipeline.settle_held(&which, fate).await });
        }
        2 => dead_letter(machine, bot, rng),
        _ => sanction(machine, bot, rng),
    }
    if let (true, Some(reconciler)) = (rng.chance(200), &bot.engine.reconciler) {
        machine.net.story.tell("an operator has all groups compared");
        reconciler.start(&[]);
    }
}

/// Settles a dead letter. Trying again what may have been sent is a person's risk: here, it is not taken.
fn dead_letter(machine: &Machine, bot: &Bot, rng: &mut Rng) {
    let letters = decoded::<DeadLetter>(machine, Kind::Dead);
    if letters.is_empty() {
        return;
    }
    let (_, letter) = rng.pick(&letters);
    let fates = if may_have_been_sent(letter) {
        [DeadFate::Drop, DeadFate::TakeForDone]
    } else {
        [DeadFate::Retry, DeadFate::TakeForDone]
    };
    let (fate, id) = (*rng.pick(&fates), letter.pending.effect.id.to_string());
    machine.net.story.tell(format!("an operator wants {fate:?} for the dead letter {id}"));
    let pipeline = Arc::clone(&bot.engine.pipeline);
    tokio::spawn(async move { pipeline.settle_dead(&Which::Id(id), fate, None, 1).await });
}

/// Ends one of the sanctions that stand, or gives it another end.
fn sanction(machine: &Machine, bot: &Bot, rng: &mut Rng) {
    let standing = decoded::<StateValue>(machine, Kind::Sanction);
    if standing.is_empty() {
        return;
    }
    let (key, StateValue::Sanction(_)) = rng.pick(&standing) else { return };
    let [group, member, _] = &ledger::texts_of(key)[..] else { panic!("the key {key:?}") };
    let order = match rng.below(3) {
        0 => Order::Lift,
        1 => Order::Longer(rng.span(Duration::from_secs(60), Duration::from_secs(3_600))),
        _ => Order::Until(machine.clock.truth() + rng.millis(1, 3_600_000)),
    };
    machine.net.story.tell(format!("an operator wants {order:?} for {member} in {group}"));
    let (group, member) = (group.as_str().into(), account(member));
    let pipeline = Arc::clone(&bot.engine.pipeline);
    tokio::spawn(async move { pipeline.order_sanction(&group, &member, None, order).await });
}
