//! Callbacks: any query and any body are answered as Tencent wants it, and decoded to the same events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groupkeeper_fuzz::callbacks::run(bytes));
