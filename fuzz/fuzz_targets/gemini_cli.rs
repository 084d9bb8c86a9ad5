#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| outlay_fuzz::run("gemini_cli", data));
