//! Rule files: any text is read, told about and, where it is good, decided with.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| groupkeeper_fuzz::rules::run(text));
