//! Buckets of the marks that events were seen: a bucket goes whole, and the last two are kept.
//!
//! The number of a bucket is the time at which it was begun, in milliseconds since 1970, or one more than
//! that of the one before: numbers rise. (Early versions numbered them by days since 1970: these come first.)

use super::{Kind, bucket_of, prefix, seen_from};
use crate::store::{Store, StoreError};

/// How many buckets are looked into, and kept.
pub const KEPT: usize = 2;

/// The buckets that hold any marks, ascending.
///
/// # Errors
/// When the store cannot be read.
pub fn buckets(store: &dyn Store) -> Result<Vec<u64>, StoreError> {
    let (mut from, to) = prefix(Kind::Seen);
    let mut buckets = Vec::new();
    while let Some(bucket) = store.keys(&from, &to, 1)?.first().and_then(|key| bucket_of(key)) {
        buckets.push(bucket);
        let Some(next) = bucket.checked_add(1) else { break };
        (from, _) = seen_from(next);
    }
    Ok(buckets)
}
