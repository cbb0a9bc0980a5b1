//! The mistakes of test files by code; `docs/errors/` has a page for each. What rule files can get wrong
//! as well (TOML, keys, types, durations) keeps its `R` code.

use crate::rule::mistake::Code;

pub const NOT_A_TEST: Code = Code("T001");
pub const NAME_TWICE: Code = Code("T002");
pub const NO_STEP: Code = Code("T003");
pub const TWO_STEPS: Code = Code("T004");
pub const UNKNOWN_EVENT: Code = Code("T005");
pub const NOT_SENT: Code = Code("T006");
pub const SEND_LACKS: Code = Code("T007");
pub const SEND_FIELD: Code = Code("T008");
pub const UNKNOWN_PLACE: Code = Code("T009");
pub const UNKNOWN_MEMBER: Code = Code("T010");
pub const UNKNOWN_EFFECT: Code = Code("T011");
pub const EFFECT_FIELD: Code = Code("T012");
pub const NOT_ONE_EFFECT: Code = Code("T013");
pub const NO_MOMENT: Code = Code("T014");
pub const UNKNOWN_COMMAND: Code = Code("T015");
pub const NOT_ONE_FAULT: Code = Code("T016");
pub const LISTED_TWICE: Code = Code("T017");
pub const CANNOT_HAPPEN: Code = Code("T018");
