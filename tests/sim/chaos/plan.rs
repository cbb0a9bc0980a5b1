//! What a seed picks: a random subset of the faults and of the rules, so that loud ones do not hide quiet ones.

use std::time::Duration;

use groupkeeper::callback::Limits;
use groupkeeper::engine::MOST_OWED;
use groupkeeper::reconcile;
use groupkeeper::rule::model::{Excess, Globs, Limit};
use groupkeeper::simulator::FaultKind;

use crate::disk::Manner;
use crate::rng::Rng;
use crate::weather::Trouble;

/// What can go wrong in a run; each seed switches a few on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Duplicate,
    Lose,
    Delay,
    Reorder,
    /// Chat does not send again what was not answered.
    NeverAgain,
    /// Calls meet troubles for a while.
    Bursts,
    /// Chat is away for hours.
    Outage,
    StaleReads,
    /// The process dies at a commit or a send.
    Crash,
    /// The process is stopped as an operator stops it.
    Restart,
    /// The disk takes nothing for a while.
    FullDisk,
    ClockForward,
    ClockBack,
    /// Other rules while it runs.
    Reload,
    /// An operator releases, drops, lifts, extends and has groups compared.
    Operator,
    /// Hundreds of messages at once.
    Flood,
    /// Few callbacks have room, and few effects may wait.
    Crowded,
    /// Chat is slow, and so is the disk.
    Slow,
    /// Callbacks whose signature, app, time or body is not right.
    Forged,
    /// Answers that are cut, messages that Chat throws away, lists of which some fail; many join at once.
    Odd,
    /// Requests that no Chat makes.
    Garbage,
    /// Something changes in Chat, and no callback tells of it.
    Unseen,
}

impl Fault {
    pub const ALL: [Self; 22] = [
        Self::Duplicate,
        Self::Lose,
        Self::Delay,
        Self::Reorder,
        Self::NeverAgain,
        Self::Bursts,
        Self::Outage,
        Self::StaleReads,
        Self::Crash,
        Self::Restart,
        Self::FullDisk,
        Self::ClockForward,
        Self::ClockBack,
        Self::Reload,
        Self::Operator,
        Self::Flood,
        Self::Crowded,
        Self::Slow,
        Self::Forged,
        Self::Odd,
        Self::Garbage,
        Self::Unseen,
    ];
}

impl Fault {
    /// Whether it happens at a time; the others are there all the time.
    pub fn strikes(self) -> bool {
        use Fault::{Crash, Crowded, Delay, Duplicate, Lose, NeverAgain, Reorder, Slow};
        !matches!(self, Crash | Crowded | Delay | Duplicate | Lose | NeverAgain | Reorder | Slow)
    }
}

/// What bursts consist of: no answer, a proxy's 502, and Chat's own codes of every class.
pub const TROUBLES: [Trouble; 15] = [
    Trouble::Unreachable,
    Trouble::LostRequest,
    Trouble::LostReply,
    Trouble::LostReply,
    Trouble::LostReply,
    Trouble::BadGateway,
    Trouble::BadGatewayApplied,
    Trouble::Code(60_007),
    Trouble::Code(60_008),
    Trouble::Code(70_001),
    Trouble::Code(10_002),
    Trouble::Code(10_007),
    Trouble::Code(10_006),
    Trouble::Code(60_010),
    // It says so little that what meets it is given up after a quarter of an hour.
    Trouble::Code(80_003),
];

/// What can be wrong with a callback: the bot takes the last one only, or Chat has lost it.
pub const SPOILT_CALLBACKS: [FaultKind; 5] = [
    FaultKind::WrongSign,
    FaultKind::WrongApp,
    FaultKind::OldSign { by: Duration::from_secs(3_600) },
    FaultKind::Garble,
    FaultKind::Skew { by: -90_000 },
];

/// What can be odd about an answer.
pub const ODD_ANSWERS: [FaultKind; 4] = [
    FaultKind::GarbleAnswer,
    FaultKind::DropMessage,
    FaultKind::Partial { every: 2 },
    FaultKind::Slow { by: Duration::from_secs(3) },
];

/// A run before it begins.
#[derive(Clone, Debug)]
pub struct Plan {
    pub faults: Vec<Fault>,
    pub book: usize,
    pub groups: usize,
    /// Before callbacks are switched on.
    pub asks: bool,
    /// Chat checks signatures: dear, so only now and then.
    pub signed: bool,
    pub steps: u64,
    pub disk: Manner,
    pub latency: (u64, u64),
    /// Dies so many times in a thousand at each commit and each send.
    pub crash: u64,
    pub longest_pause: Duration,
    /// Conferences and live rooms beside the groups.
    pub rooms: bool,
    /// Effects that may wait before callbacks are shed, and callbacks inside.
    pub most: (usize, Limits),
    /// `[safety] limit`: actions in ten minutes.
    pub limit: Option<Limit>,
    /// `[safety] longest_mute`.
    pub longest_mute: Option<Duration>,
    /// Minutes between two comparisons of all groups with Chat, if they are compared.
    pub compared: Option<u64>,
}

impl Plan {
    pub fn new(rng: &mut Rng, books: usize) -> Self {
        let share = *rng.pick(&[0, 100, 200, 350, 500]);
        let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|_| rng.chance(share)).collect();
        let has = |fault| faults.contains(&fault);
        let slow = has(Fault::Slow);
        let crash = if has(Fault::Crash) { *rng.pick(&[5, 20, 80]) } else { 0 };
        let disk = if slow { (5, 400) } else { (1, 3) };
        let most = if has(Fault::Crowded) {
            let inside = usize::try_from(rng.between(2, 16)).unwrap();
            let owed = usize::try_from(rng.between(3, 30)).unwrap();
            (owed, Limits { inside, share: 2, at_once: 4, ..Limits::default() })
        } else {
            (MOST_OWED, Limits::default())
        };
        let ten_minutes = Duration::from_secs(600);
        let limit = rng.chance(150).then(|| Limit {
            actions: *rng.pick(&[2, 6, 20]),
            per: ten_minutes,
            then: *rng.pick(&[Excess::Hold, Excess::Drop]),
        });
        Self {
            rooms: rng.chance(300),
            most,
            limit,
            longest_mute: rng.chance(200).then(|| Duration::from_secs(400)),
            book: usize::try_from(rng.below(books as u64)).unwrap(),
            groups: usize::try_from(rng.between(1, 5)).unwrap(),
            asks: rng.chance(400),
            signed: rng.chance(50),
            steps: rng.between(10, 50),
            disk: Manner { early: rng.chance(500), sync: disk },
            latency: if slow { (20, 900) } else { *rng.pick(&[(1, 1), (1, 5), (10, 80)]) },
            crash,
            longest_pause: *rng.pick(&[
                Duration::from_secs(5),
                Duration::from_secs(60),
                Duration::from_secs(900),
            ]),
            compared: rng.chance(500).then(|| *rng.pick(&[7, 60, 360])),
            faults,
        }
    }

    /// `[reconcile]` of this run; members are read as often as all the rest.
    pub fn reconcile(&self) -> Option<reconcile::Settings> {
        let every = self.compared.map(|minutes| Duration::from_secs(minutes * 60));
        let groups = Globs::new(&["*"]).unwrap();
        every.map(|_| reconcile::Settings { every, groups, members: every })
    }

    /// Longer than any callback is on its way, and than a lane rests after its last failure.
    pub fn quiet(&self) -> Duration {
        Duration::from_secs(if self.has(Fault::Delay) { 3 * 3_600 } else { 1_800 })
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}
