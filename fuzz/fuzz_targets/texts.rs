//! Texts with a small language of their own: durations, crontabs, placeholders, time zones.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| groupkeeper_fuzz::texts::run(text));
