//! How callbacks come in: which paths and addresses are open, who watches, whom they go to.

use std::sync::Arc;

use super::addresses::Addresses;
use super::called::{Called, Refusals};
use super::config::{self, Config};
use super::metrics::Metrics;
use super::rules::Rules;
use crate::callback::router::DEFAULT_BODY_LIMIT;
use crate::callback::{Admission, CallbackSettings, Entrance, Gate, Sources, Watch, router};
use crate::clock::Clock;
use crate::engine::{Engine, MOST_OWED};
use crate::rest::{Chat, region};
use crate::store::Store;

/// What the callback listener is put together from.
pub(super) struct Intake<'a> {
    pub(super) config: &'a Config,
    pub(super) rules: &'a Rules,
    pub(super) engine: &'a Engine,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Intake<'_> {
    /// Who keeps the list of Chat's own addresses, if callbacks are to come from those.
    pub(super) fn addresses(&self, chat: Arc<dyn Chat>) -> Option<Arc<Addresses>> {
        let settings = &self.config.callback;
        settings.allow_chat.then(|| {
            let outside_china = !region::is_in_china(&self.config.app.base_url);
            let sources = Arc::new(sources(settings));
            let (store, clock) = (self.store.clone(), self.clock.clone());
            Arc::new(Addresses::new(sources, chat, store, clock, outside_china))
        })
    }

    /// The listener. What `addresses` knows of Chat is what it goes by.
    pub(super) fn router(
        self,
        metrics: Arc<Metrics>,
        addresses: Option<&Addresses>,
        admission: Arc<Admission>,
    ) -> axum::Router {
        let called = Called::new(metrics, self.clock.clone(), self.engine.rates.clone());
        let called = Arc::new(called);
        let watch: Arc<dyn Watch> = match &self.engine.reconciler {
            Some(reconciler) => Arc::new(Refusals(called, reconciler.watcher())),
            None => called,
        };
        let settings = &self.config.callback;
        let sources =
            addresses.map_or_else(|| Arc::new(sources(settings)), |known| known.sources().clone());
        let settings = CallbackSettings {
            entrances: entrances(self.config),
            sources,
            admins: vec![self.config.app.admin.clone()],
            budget: settings.budget,
            over_budget: settings.over_budget,
            admission,
            body_limit: DEFAULT_BODY_LIMIT,
            wants_callback_event: self.rules.wants_callback_event(),
        };
        router(settings, self.engine.door(MOST_OWED), self.clock, watch)
    }
}

/// Where callbacks may come from.
fn sources(settings: &config::Callback) -> Sources {
    let (listed, proxies) = (settings.allow.clone(), settings.trusted_proxies.clone());
    Sources::new(listed, settings.allow_chat, proxies)
}

/// The paths that Chat calls, each with its tokens.
fn entrances(config: &Config) -> Vec<Entrance> {
    let settings = &config.callback;
    let gate = |tokens: &[secrecy::SecretString]| Gate {
        sdk_app_id: config.app.sdk_app_id,
        tokens: tokens.to_vec(),
        window: settings.window,
    };
    let chat = Entrance {
        name: "chat",
        path: settings.path.clone(),
        gate: gate(&settings.tokens),
        only_rooms: false,
    };
    let rooms = settings.rooms.as_ref().map(|rooms| Entrance {
        name: "room",
        path: rooms.path.clone(),
        gate: gate(&rooms.tokens),
        only_rooms: rooms.tokens.is_empty() && !settings.tokens.is_empty(),
    });
    std::iter::once(chat).chain(rooms).collect()
}
