//! libFuzzer's way to [`deblurd_fuzz::sealed`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deblurd_fuzz::sealed(bytes);
});
