//! What is asked: looked up apart from the workers, what may take long a few at a time, and only for as long
//! as somebody waits for it.

use std::convert::Infallible;
use std::sync::{Arc, Weak};

use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::answers::problem;
use crate::store::{Commit, Entry, Store, StoreError, WriteSet};

/// What is looked up at once of what may take long.
const LONG: usize = 4;
/// What a lookup reads when nobody waits for it any more.
const HUNG_UP: &str = "nobody waits for this any more";

/// The turns of what may take long; `None` for pages that are short, whatever stands in the store.
pub(super) type Turns = Option<Arc<Semaphore>>;

pub(super) fn turns() -> Turns {
    Some(Arc::new(Semaphore::new(LONG)))
}

/// Carries an order out in a task of its own: an operator who hangs up must not leave it half way, with
/// effects on disk that delivery has not heard of. What is only asked is looked up on a thread of its own: a
/// million entries of the journal take seconds, for which callbacks must not wait.
pub(super) async fn to_its_end(
    State(turns): State<Turns>,
    mut request: Request,
    next: Next,
) -> Response {
    let answered = if request.method() == Method::POST {
        tokio::spawn(next.run(request)).await
    } else {
        let turn = match turns {
            Some(turns) => turns.acquire_owned().await.ok(),
            None => None,
        };
        // When whoever asks hangs up, this future goes, and with it what the lookup looks at.
        let asker = Arc::new(());
        request.extensions_mut().insert(Asker(Arc::downgrade(&asker)));
        let runtime = Handle::current();
        let looked_up = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(next.run(request))
        });
        let answered = looked_up.await;
        drop(asker);
        answered
    };
    match answered {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a bug: an operator's order failed");
            let text = "a bug: this failed half way; the log says more";
            problem(StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

/// Whoever waits for a lookup.
#[derive(Clone)]
struct Asker(Weak<()>);

/// The store as a lookup reads it: the next page is an error when nobody waits for it any more.
pub(super) struct Lookup {
    store: Arc<dyn Store>,
    asker: Option<Asker>,
}

impl Lookup {
    fn waited_for(&self) -> Result<&dyn Store, StoreError> {
        match &self.asker {
            Some(Asker(asker)) if asker.strong_count() == 0 => Err(StoreError(HUNG_UP.to_owned())),
            _ => Ok(&*self.store),
        }
    }
}

/// Whether a lookup has ended because nobody waited for it: that is no trouble.
pub(super) fn hung_up(error: &StoreError) -> bool {
    error.0 == HUNG_UP
}

impl<S> FromRequestParts<S> for Lookup
where
    S: Send + Sync,
    Arc<dyn Store>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let asker = parts.extensions.get::<Asker>().cloned();
        Ok(Self { store: FromRef::from_ref(state), asker })
    }
}

impl Store for Lookup {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.waited_for()?.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.waited_for()?.scan(from, to, limit)
    }

    fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.waited_for()?.keys(from, to, limit)
    }

    fn commit(&self, changes: WriteSet) -> Commit {
        self.store.commit(changes)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.store.health()
    }

    fn size_on_disk(&self) -> u64 {
        self.store.size_on_disk()
    }
}

/// Reads a page of an answer that is sent page by page, apart from the workers.
pub(super) async fn apart<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let looked = spawn_blocking(look).await;
    looked.unwrap_or_else(|error| Err(StoreError(format!("a bug: {error}"))))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::store::MemoryStore;

    /// Reads the same page for as long as it is let.
    async fn endless(lookup: Lookup, begun: &Sender<()>, ended: &Sender<StoreError>) -> Response {
        begun.send(()).unwrap();
        loop {
            if let Err(error) = lookup.scan(b"a", b"b", 1) {
                ended.send(error).unwrap();
                return StatusCode::OK.into_response();
            }
            std::thread::yield_now();
        }
    }

    fn router() -> (Router, Receiver<()>, Receiver<StoreError>) {
        let ((begun, has_begun), (ended, has_ended)) = (channel(), channel());
        let looked_up = move |lookup: Lookup| {
            let (begun, ended) = (begun.clone(), ended.clone());
            async move { endless(lookup, &begun, &ended).await }
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let long = Router::new()
            .route("/long", get(looked_up))
            .layer(from_fn_with_state(turns(), to_its_end));
        let short = Router::new()
            .route("/short", get(|| async { "short" }))
            .layer(from_fn_with_state(Turns::None, to_its_end));
        (long.merge(short).with_state(store), has_begun, has_ended)
    }

    fn asks(path: &str) -> Request {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn long_lookups_keep_no_short_page_waiting_and_end_when_nobody_waits_for_them() {
        let (router, begun, ended) = router();
        let ask = || tokio::spawn(router.clone().oneshot(asks("/long")));
        let asked: Vec<_> = (0..LONG).map(|_| ask()).collect();
        (0..LONG).for_each(|_| begun.recv().unwrap());
        let answer = router.clone().oneshot(asks("/short")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        asked.iter().for_each(tokio::task::JoinHandle::abort);
        for _ in 0..LONG {
            assert!(hung_up(&ended.recv().unwrap()));
        }
        // Their turns are free again.
        let next = ask();
        begun.recv().unwrap();
        next.abort();
        assert!(hung_up(&ended.recv().unwrap()));
    }
}
