//! The state that a decision is made with.

use std::collections::{BTreeSet, HashMap};

use super::quarantine::Trouble;
use crate::decision::{State, StateKey};
use crate::ledger;
use crate::store::Store;

/// What was read of the store, and the bytes that stood there.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) bytes: HashMap<StateKey, Option<Vec<u8>>>,
}

impl Loaded {
    /// Reads what is needed and not there yet.
    pub(super) fn load(
        &mut self,
        store: &dyn Store,
        needed: &BTreeSet<StateKey>,
    ) -> Result<(), Trouble> {
        for key in needed {
            if self.bytes.contains_key(key) {
                continue;
            }
            let place = ledger::state_key(key);
            let bytes = store.get(&place).map_err(Trouble::Store)?;
            let value = bytes.as_ref().map(|bytes| ledger::decode(&place, bytes)).transpose();
            // The store is well; what stands there stays so until a person has looked.
            let value = value.map_err(|error| Trouble::Bug(error.0))?;
            self.state.insert(key.clone(), value);
            self.bytes.insert(key.clone(), bytes);
        }
        Ok(())
    }
}
