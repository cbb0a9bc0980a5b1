//! Test files: any text is read, told about and, where it is good, run.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| groupkeeper_fuzz::tests::run(text));
