//! libFuzzer's way to [`deblurd_fuzz::formula`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deblurd_fuzz::formula(bytes);
});
