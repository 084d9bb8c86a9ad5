#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| outlay_fuzz::run("provider_body", data));
