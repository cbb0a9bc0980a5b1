//! Chat and the way to it: REST calls as the bot's transport, callbacks into the bot's router.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use groupkeeper::clock::{Clock, Timestamp};
use groupkeeper::rest::Transport;
use groupkeeper::rest::client::{Posted, Posting, TransportError};
use groupkeeper::simulator::{Answered, Callback, RestAnswer, RestFault, World};
use serde_json::json;
use tower::ServiceExt;

use crate::clock::SimClock;
use crate::power::Power;
use crate::rng::Rng;
use crate::story::Story;
use crate::weather::{Trouble, Weather};
use crate::witness::Witness;

/// How long the bot's HTTP client waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long Chat waits for the answer to a before callback (34354).
const PATIENCE: Duration = Duration::from_secs(2);
/// Chat sends an unanswered callback so often in all, where it sends again at all.
const SENT: u32 = 6;

/// Everything that is not the bot and does not die with it.
pub struct Net {
    world: Mutex<World>,
    pub clock: Arc<SimClock>,
    pub weather: Mutex<Weather>,
    pub story: Story,
    pub witness: Arc<Witness>,
    rng: Mutex<Rng>,
    /// Callbacks that are not answered, by number.
    on_the_way: Mutex<BTreeMap<u64, Way>>,
    /// The bot's door, while there is one.
    door: Mutex<Option<Router>>,
}

#[derive(Clone)]
struct Way {
    callback: Callback,
    due: Timestamp,
    sent: u32,
}

impl Net {
    pub fn new(
        world: World,
        witness: Arc<Witness>,
        story: Story,
        clock: Arc<SimClock>,
        rng: Rng,
    ) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            clock,
            weather: Mutex::default(),
            story,
            witness,
            rng: Mutex::new(rng),
            on_the_way: Mutex::default(),
            door: Mutex::default(),
        })
    }

    /// Lets something happen in Chat; the callbacks of it set out.
    pub fn happen<T>(self: &Arc<Self>, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let now = self.clock.truth();
        let result = {
            let mut world = self.world();
            world.tick(now);
            act(&mut world, now)
        };
        self.send_out();
        result
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Where the bot listens, while there is one.
    pub fn door(&self) -> Option<Router> {
        self.door.lock().unwrap().clone()
    }

    /// Callbacks that are not answered yet.
    pub fn unanswered(&self) -> usize {
        self.on_the_way.lock().unwrap().len()
    }

    /// Takes what Chat has to tell and decides how it fares.
    fn send_out(self: &Arc<Self>) {
        let callbacks = self.world().take_callbacks();
        for callback in callbacks {
            let (mut due, mut copies) = (self.clock.truth(), 1);
            {
                let (mut rng, weather) = (self.rng.lock().unwrap(), self.weather.lock().unwrap());
                let (low, high) = weather.latency;
                if weather.reorder {
                    due = due + rng.millis(low, high * 40);
                } else {
                    due = due + Duration::from_millis(high);
                }
                if rng.chance(weather.lose) {
                    copies = 0;
                } else if !callback.asks && rng.chance(weather.duplicate) {
                    copies = 2;
                }
                if !callback.asks && rng.chance(weather.delay) {
                    due = due + rng.span(Duration::from_millis(1), weather.latest);
                }
            }
            let (id, command) = (callback.id, callback.command.clone());
            if copies != 1 {
                self.story.tell(format!("callback {id} {command} is sent {copies} times"));
            }
            if copies == 0 && callback.asks {
                self.happen(|world, now| world.answer(now, id, None));
            }
            for copy in 0..copies {
                let way = Way {
                    callback: callback.clone(),
                    due: due + Duration::from_secs(copy),
                    sent: 0,
                };
                let number = id * 2 + copy;
                self.on_the_way.lock().unwrap().insert(number, way);
                self.set_out(number);
            }
        }
    }

    /// One callback goes its way, if there is a bot.
    fn set_out(self: &Arc<Self>, number: u64) {
        if self.door.lock().unwrap().is_some() {
            let net = Arc::clone(self);
            tokio::spawn(async move { net.deliver(number).await });
        }
    }

    /// A bot listens from now on: what was on its way to the one before it is sent again, or lost.
    pub fn connect(self: &Arc<Self>, door: Router) {
        *self.door.lock().unwrap() = Some(door);
        let waiting: Vec<u64> = self.on_the_way.lock().unwrap().keys().copied().collect();
        waiting.into_iter().for_each(|number| self.set_out(number));
    }

    /// Nobody listens any more. Questions go unanswered; what was told is told again, or is lost.
    pub fn disconnect(self: &Arc<Self>) {
        *self.door.lock().unwrap() = None;
        let now = self.clock.truth();
        let again = self.weather.lock().unwrap().again;
        let ways = std::mem::take(&mut *self.on_the_way.lock().unwrap());
        for (number, mut way) in ways {
            let (id, command) = (way.callback.id, way.callback.command.clone());
            if way.callback.asks {
                self.happen(|world, now| world.answer(now, id, None));
            } else if way.due > now || again {
                way.due = way.due.max(now + Duration::from_secs(3));
                self.on_the_way.lock().unwrap().insert(number, way);
            } else {
                self.story.tell(format!("callback {id} {command} was under way and is lost"));
            }
        }
    }

    async fn deliver(self: Arc<Self>, number: u64) {
        loop {
            let found = self.on_the_way.lock().unwrap().get(&number).cloned();
            let Some(Way { callback, due, sent }) = found else { return };
            let wait = due.since(self.clock.truth());
            self.clock.sleep(wait).await;
            let Some(door) = self.door() else { return };
            // As the bot reads it: what has no time of its own has that at which it came.
            let came = self.clock.now();
            let answer = self.ask(door, &callback).await;
            let answered = answer.as_ref().is_some_and(|(status, _)| *status == 200);
            let again = self.weather.lock().unwrap().again && sent + 1 < SENT;
            let status = answer.as_ref().map_or(0, |(status, _)| *status);
            self.story
                .tell(format!("callback {} {} answered {status}", callback.id, callback.command));
            if answered {
                self.witness.answered(&callback, came);
            }
            if callback.asks {
                self.on_the_way.lock().unwrap().remove(&number);
                self.happen(|world, now| world.answer(now, callback.id, answer));
                return;
            }
            if answered || !again {
                self.on_the_way.lock().unwrap().remove(&number);
                return;
            }
            if let Some(way) = self.on_the_way.lock().unwrap().get_mut(&number) {
                way.sent += 1;
                way.due = self.clock.truth() + Duration::from_secs(10);
            }
        }
    }

    /// One HTTP request, signed now; `None` when Chat does not wait any longer.
    async fn ask(&self, door: Router, callback: &Callback) -> Option<(u16, Vec<u8>)> {
        let mut callback = callback.clone();
        callback.sign(self.clock.truth());
        let query: Vec<String> =
            callback.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::post(format!("/callback?{}", query.join("&")));
        let request = request.body(Body::from(callback.body.clone())).unwrap();
        let asking = async {
            let response = door.oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
        };
        if !callback.asks {
            return Some(asking.await);
        }
        tokio::select! {
            biased;
            answer = asking => Some(answer),
            () = self.clock.sleep(PATIENCE) => None,
        }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap())
    }

    async fn travel(&self) {
        let (low, high) = self.weather.lock().unwrap().latency;
        let time = self.draw(|rng| rng.millis(low, high));
        self.clock.sleep(time).await;
    }

    /// The call arrives.
    fn arrives(self: &Arc<Self>, path: &str, query: &str, body: &[u8]) -> RestAnswer {
        self.happen(|world, now| world.rest(now, path, query, body))
    }

    /// The answer to a call that waited for the bot's own word.
    async fn waited(&self, mut answer: RestAnswer) -> RestAnswer {
        let Some(id) = answer.waiting else { return answer };
        for _ in 0..600 {
            if let Some(Answered::Rest(word)) = self.world().outcome(id) {
                return word.clone();
            }
            self.clock.sleep(Duration::from_millis(5)).await;
        }
        answer.fault = Some(RestFault::Hang);
        answer
    }
}

/// The bot's HTTP client.
pub struct Wire {
    pub net: Arc<Net>,
    pub power: Arc<Power>,
}

impl Transport for Wire {
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
        Box::pin(self.exchange(url, body))
    }
}

impl Wire {
    async fn exchange(&self, url: String, body: Vec<u8>) -> Posted {
        let net = &self.net;
        if self.power.is_off() || self.power.send_begins() {
            return std::future::pending().await;
        }
        let (_, number) = self.power.counted();
        let (path, query) = split(&url);
        let command = path.rsplit('/').next().unwrap_or_default();
        let random = random_of(query);
        net.witness.about_to_send(command, random);
        let trouble = {
            let now = net.clock.truth();
            let mut weather = net.weather.lock().unwrap();
            net.draw(|rng| weather.hits(now, rng))
        };
        net.travel().await;
        let applies =
            matches!(trouble, None | Some(Trouble::LostReply | Trouble::BadGatewayApplied));
        let mut answer = RestAnswer::default();
        if applies {
            answer = net.arrives(path, query, &body);
            answer = net.waited(answer).await;
            let code = code_of(&answer.body);
            net.story.tell(format!("Chat answers {command} {random:08x} with {code}"));
            net.witness.arrived(command, random, code);
        } else {
            net.story.tell(format!("{command} {random:08x} meets {trouble:?}"));
        }
        if applies && self.power.send_applied(number) {
            return std::future::pending().await;
        }
        net.travel().await;
        let gone = |text: &str, outcome_unknown| {
            Err(TransportError::Unreachable { text: text.to_owned(), outcome_unknown })
        };
        match trouble {
            Some(Trouble::Unreachable) => gone("connection refused", false),
            Some(Trouble::LostRequest | Trouble::LostReply) => {
                net.clock.sleep(TIMEOUT).await;
                gone("no answer in time", true)
            }
            Some(Trouble::BadGateway | Trouble::BadGatewayApplied) => Ok((502, Vec::new())),
            Some(Trouble::Code(code)) => {
                let body =
                    json!({ "ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": "weather" });
                Ok((200, body.to_string().into_bytes()))
            }
            None if answer.fault.is_some() => {
                net.clock.sleep(TIMEOUT).await;
                gone("no answer in time", true)
            }
            None => Ok((answer.status, answer.body)),
        }
    }
}

fn code_of(body: &[u8]) -> i64 {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["ErrorCode"].as_i64().unwrap_or(-1)
}

/// Path and query of a URL.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find('/').map_or("", |at| &rest[at..]);
    target.split_once('?').unwrap_or((target, ""))
}

/// The `random` of a query: the first half of the effect's id.
fn random_of(query: &str) -> u32 {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("random="));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}
