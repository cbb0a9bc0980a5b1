//! What happened, in words: the last of it for people, all of it as a digest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::SimClock;

/// Lines that are kept for the report.
const KEPT: usize = 4_000;

/// Tells the story of one run. A clone tells the same one.
#[derive(Clone)]
pub struct Story {
    clock: Arc<SimClock>,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    lines: VecDeque<String>,
    digest: Digest,
    broken: Vec<String>,
}

impl Story {
    pub fn new(clock: Arc<SimClock>) -> Self {
        Self { clock, told: Arc::default() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    pub fn tell(&self, line: impl AsRef<str>) {
        let truth = self.clock.truth();
        let line = format!("{truth}.{:03} {}", truth.0.rem_euclid(1_000), line.as_ref());
        let mut told = self.told();
        told.digest.add(line.as_bytes());
        if told.lines.len() == KEPT {
            told.lines.pop_front();
        }
        told.lines.push_back(line);
    }

    /// An invariant does not hold.
    pub fn broken(&self, what: impl AsRef<str>) {
        self.tell(format!("!!! {}", what.as_ref()));
        self.told().broken.push(what.as_ref().to_owned());
    }

    /// The invariants that did not hold, first one first.
    pub fn violations(&self) -> Vec<String> {
        self.told().broken.clone()
    }

    pub fn is_whole(&self) -> bool {
        self.told().broken.is_empty()
    }

    pub fn last(&self, lines: usize) -> Vec<String> {
        let told = self.told();
        told.lines.iter().skip(told.lines.len().saturating_sub(lines)).cloned().collect()
    }

    pub fn digest(&self) -> Digest {
        self.told().digest
    }
}

/// FNV-1a over 64 bits: it finds differences, it keeps no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Digest {
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xFF]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}
