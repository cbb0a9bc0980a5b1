//! Where Chat says that it calls from (36742): read at the start and daily, kept in the store.
//!
//! Whatever goes wrong, Chat is not locked out: a list that cannot be read leaves the last one in
//! force, and as long as there has never been one, callbacks are taken from anywhere.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::callback::{Sources, source};
use crate::clock::{Clock, Timestamp};
use crate::ledger;
use crate::rest::{AppRead, Call, Chat, Reply};
use crate::store::{Store, WriteSet};

/// Where the last list stands.
const KEPT: &str = "addresses of Chat";
/// How long a list is good. Chat names no time; this is what its page suggests by example.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How soon it is tried again after a failure.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How soon a signed callback from elsewhere makes us look again: Chat may have moved.
const AFTER_REFUSAL: Duration = Duration::from_secs(600);

/// The last list, as the store has it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    read_at: Timestamp,
    networks: Vec<String>,
}

/// Keeps the list of Chat's addresses.
pub struct Addresses {
    sources: Arc<Sources>,
    chat: Arc<dyn Chat>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    outside_china: bool,
}

impl Addresses {
    /// Takes the list of the last run over. `outside_china` says where the app lives: Chat calls
    /// from other addresses there.
    pub(super) fn new(
        sources: Arc<Sources>,
        chat: Arc<dyn Chat>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        outside_china: bool,
    ) -> Self {
        match ledger::read::<Kept>(&*store, &ledger::setting_key(KEPT)) {
            Ok(Some(kept)) => sources.set_chat(understood(&kept.networks)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "the last list of Chat's addresses is unreadable");
            }
        }
        Self { sources, chat, store, clock, outside_china }
    }

    /// What the list is for.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// Asks Chat for the list once. Says whether it was had.
    pub async fn refresh(&self) -> bool {
        let call = Call::App(AppRead::Addresses { outside_china: self.outside_china });
        let networks = match self.chat.call(&call, 0).await {
            Ok(Reply::Addresses(networks)) => networks,
            Ok(_) => return self.without("the answer is to another question"),
            Err(error) => return self.without(&error.to_string()),
        };
        let read = understood(&networks);
        if read.is_empty() {
            return self.without("the list is empty; Tencent switches it on upon request");
        }
        tracing::info!(
            networks = read.len(),
            "callbacks are taken from the addresses that Chat names"
        );
        self.sources.set_chat(read);
        self.keep(networks).await;
        true
    }

    /// Nothing was had: says so, and what holds now.
    fn without(&self, why: &str) -> bool {
        let holds = if self.sources.awaits_chat() {
            "there is none, so CALLBACKS ARE TAKEN FROM ANYWHERE"
        } else {
            "the last list stays in force"
        };
        tracing::warn!(
            "`\"chat\"` in `[callback] allow`: Chat's list of its addresses (GetIPList) could not be \
             had, {holds}: {why}"
        );
        false
    }

    async fn keep(&self, networks: Vec<String>) {
        let kept = Kept { read_at: self.clock.now(), networks };
        let kept = match ledger::encode(&kept) {
            Ok(bytes) => {
                let writes = vec![(ledger::setting_key(KEPT), Some(bytes))];
                let set = WriteSet { writes, durable: true, ..WriteSet::default() };
                self.store.commit(set).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the list of Chat's addresses could not be kept for the next start");
        }
    }

    /// Keeps the list fresh until the service stops.
    pub(super) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let read = self.refresh().await;
            let now = self.clock.now();
            let next = now + if read { GOOD_FOR } else { AGAIN };
            let moved = async {
                self.clock.sleep_until(now + AFTER_REFUSAL).await;
                self.sources.refused().await;
            };
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = moved => {}
                // An error means that the service is gone.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

/// The networks among what Chat wrote; what is none is told of and left out.
fn understood(networks: &[String]) -> Vec<ipnet::IpNet> {
    let of = |text: &String| {
        let network = source::network(text);
        if network.is_none() {
            tracing::warn!("GetIPList: `{text}` is neither an address nor a network");
        }
        network
    };
    networks.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::clock::ManualClock;
    use crate::rest::client::Calling;
    use crate::rest::{CallError, Failure};
    use crate::store::MemoryStore;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    /// Answers with these lists in turn; `None` is an outage.
    struct Script(Mutex<VecDeque<Option<Vec<&'static str>>>>);

    impl Chat for Script {
        fn call<'a>(&'a self, call: &'a Call, _: u32) -> Calling<'a> {
            assert_eq!(*call, Call::App(AppRead::Addresses { outside_china: true }));
            let answer = match self.0.lock().unwrap().pop_front().flatten() {
                Some(list) => Ok(Reply::Addresses(list.into_iter().map(str::to_owned).collect())),
                None => Err(CallError { command: call.command(), failure: Failure::Status(502) }),
            };
            Box::pin(std::future::ready(answer))
        }
    }

    fn addresses(
        store: &Arc<dyn Store>,
        answers: Vec<Option<Vec<&'static str>>>,
    ) -> (Addresses, Arc<Sources>) {
        let sources = Arc::new(Sources::new(Vec::new(), true, Vec::new()));
        let chat = Arc::new(Script(Mutex::new(answers.into())));
        let clock = Arc::new(ManualClock::new(NOW));
        (Addresses::new(sources.clone(), chat, store.clone(), clock, true), sources)
    }

    fn allows(sources: &Sources, address: &str) -> bool {
        sources.allows(Some(address.parse().unwrap()))
    }

    #[tokio::test]
    async fn the_list_is_in_force_and_the_next_start_knows_it_even_in_an_outage() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (first, sources) = addresses(&store, vec![Some(vec!["192.0.2.1", "no address"])]);
        assert!(first.refresh().await);
        assert!(allows(&sources, "192.0.2.1") && !allows(&sources, "192.0.2.2"));
        let (second, sources) = addresses(&store, vec![None]);
        assert!(!second.refresh().await);
        assert!(allows(&sources, "192.0.2.1") && !allows(&sources, "192.0.2.2"));
    }

    #[tokio::test]
    async fn as_long_as_there_is_no_list_callbacks_are_taken_from_anywhere() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let answers = vec![None, Some(Vec::new()), Some(vec!["nonsense"])];
        let (addresses, sources) = addresses(&store, answers);
        for _ in 0..3 {
            assert!(!addresses.refresh().await);
            assert!(sources.awaits_chat() && allows(&sources, "203.0.113.1"));
        }
    }

    #[tokio::test]
    async fn an_empty_list_does_not_replace_one_that_says_something() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (addresses, sources) =
            addresses(&store, vec![Some(vec!["192.0.2.0/25"]), Some(Vec::new())]);
        assert!(addresses.refresh().await);
        assert!(!addresses.refresh().await);
        assert!(allows(&sources, "192.0.2.127") && !allows(&sources, "192.0.2.128"));
    }
}
