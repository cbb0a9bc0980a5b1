//! Conditions: any text is checked and, where it is good, judged.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| groupkeeper_fuzz::expressions::run(text));
