#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    zkml_fuzz::targets::verifying_key(bytes);
});
