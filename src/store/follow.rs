//! Following a store: whoever copies it while it is written to hears of what changes meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::StoreError;

/// The new value of a key, `None` for removed.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// Bytes that wait for one follower at most. One that does not keep up is cut off: it must not fill
/// the memory of the store that it follows.
const MOST_WAITING: usize = 64 << 20;

/// Hears of every commit from its making on.
///
/// A page of a scan holds exactly the commits that were told before it was read. So whoever writes
/// down pages and, after each of them, what was told, has a copy when the last page is done: read in
/// order, with the later line winning, it is the store as it was between two commits.
#[derive(Debug)]
pub struct Follower(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    writes: Vec<Write>,
    bytes: usize,
    cut_off: bool,
}

impl Follower {
    /// What was committed since the last call, in order; never a part of a commit.
    ///
    /// # Errors
    /// When more was committed than is kept for a follower.
    pub fn take(&self) -> Result<Vec<Write>, StoreError> {
        let mut told = locked(&self.0);
        if told.cut_off {
            return Err(StoreError(
                "the copy does not keep up with the store: write it to a faster place, or when less happens"
                    .to_owned(),
            ));
        }
        told.bytes = 0;
        Ok(std::mem::take(&mut told.writes))
    }
}

/// Everybody who follows a store.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<Vec<Weak<Mutex<Told>>>>);

impl Followers {
    pub(super) fn follow(&self) -> Follower {
        let told = Arc::default();
        locked(&self.0).push(Arc::downgrade(&told));
        Follower(told)
    }

    /// Tells of what was applied; the store calls it before any reader can see that.
    pub(super) fn tell<'w>(
        &self,
        writes: impl Iterator<Item = (&'w Vec<u8>, &'w Option<Vec<u8>>)>,
    ) {
        let mut followers = locked(&self.0);
        followers.retain(|follower| follower.strong_count() > 0);
        if followers.is_empty() {
            return;
        }
        let writes: Vec<Write> = writes.map(|(key, value)| (key.clone(), value.clone())).collect();
        let bytes: usize =
            writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        for follower in followers.iter().filter_map(Weak::upgrade) {
            let mut told = locked(&follower);
            if told.bytes + bytes > MOST_WAITING {
                *told = Told { cut_off: true, ..Told::default() };
            }
            if !told.cut_off {
                told.bytes += bytes;
                told.writes.extend(writes.iter().cloned());
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_that_does_not_keep_up_is_cut_off_and_told_so() {
        let followers = Followers::default();
        let (slow, quick) = (followers.follow(), followers.follow());
        let value = Some(vec![0; MOST_WAITING / 2]);
        for _ in 0..3 {
            followers.tell(std::iter::once((&b"k".to_vec(), &value)));
            assert_eq!(quick.take().unwrap().len(), 1);
        }
        assert!(slow.take().unwrap_err().0.contains("does not keep up"));
    }
}
