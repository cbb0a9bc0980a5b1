//! Connections: whatever bytes come on one, it ends, and each answer is one that Chat understands.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groupkeeper_fuzz::connections::run(bytes));
