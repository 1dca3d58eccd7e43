#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = zkml_fuzz::targets::setup_mutated(bytes);
});
