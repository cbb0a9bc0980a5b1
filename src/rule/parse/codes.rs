//! The mistakes of rule files by code; `docs/errors/` has a page for each.

use crate::rule::mistake::Code;

pub const NOT_TOML: Code = Code("R001");
pub const NO_QUOTES: Code = Code("R002");
pub const OPEN_QUOTE: Code = Code("R003");
pub const KEY_TWICE: Code = Code("R004");
pub const OPEN_BRACKET: Code = Code("R005");
pub const NOT_A_RULE: Code = Code("R006");
pub const RULE_TWICE: Code = Code("R007");
pub const BAD_ID: Code = Code("R008");

pub const UNKNOWN_KEY: Code = Code("R050");
pub const WRONG_TYPE: Code = Code("R051");
pub const MISSING: Code = Code("R052");
pub const NOT_BOTH: Code = Code("R053");
pub const UNKNOWN_VALUE: Code = Code("R054");
pub const UNKNOWN_EVENT: Code = Code("R055");
pub const UNKNOWN_ACTION: Code = Code("R056");
pub const NOT_ONE_ACTION: Code = Code("R058");
pub const EMPTY: Code = Code("R059");
pub const OUT_OF_RANGE: Code = Code("R060");
pub const BAD_GLOB: Code = Code("R061");
pub const TOO_LONG: Code = Code("R062");
pub const NEEDS_ANOTHER: Code = Code("R063");
pub const BAD_ACCOUNT: Code = Code("R064");
pub const BAD_KEY: Code = Code("R065");
pub const KEPT_OTHERWISE: Code = Code("R066");

pub const UNGUARDED: Code = Code("R101");
pub const OWN_ECHOES: Code = Code("R102");
pub const PARTLY_IMPOSSIBLE: Code = Code("R103");
pub const REPEATED: Code = Code("R104");
pub const LADDER_ORDER: Code = Code("R105");
pub const DOES_NOTHING: Code = Code("R106");
pub const UNDOES: Code = Code("R107");
pub const FIGHTS: Code = Code("R108");
pub const NEVER_ACTS: Code = Code("R109");
pub const CHANGES_NOTHING: Code = Code("R110");
pub const NEVER_REACHED: Code = Code("R111");
pub const SAME_RULE: Code = Code("R112");
pub const IDLE_KEY: Code = Code("R113");
pub const PROTECTED: Code = Code("R114");
pub const WAITS_LONG: Code = Code("R115");
pub const OFTEN: Code = Code("R116");
pub const TOO_LATE: Code = Code("R117");
pub const ONLY_TEXT: Code = Code("R118");
pub const LIMIT_TOO_LOW: Code = Code("R119");

pub const NOBODY: Code = Code("R201");
pub const NOT_COUNTABLE: Code = Code("R202");
pub const IMPOSSIBLE: Code = Code("R203");
pub const GROUP_GONE: Code = Code("R204");
pub const WRONG_EVENT: Code = Code("R205");
pub const CANNOT_WAIT: Code = Code("R220");

pub const NEXT_RUNS: Code = Code("R301");
pub const CLOCK_CHANGE: Code = Code("R302");
