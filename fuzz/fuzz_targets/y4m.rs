//! libFuzzer's way to [`deblurd_fuzz::y4m`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deblurd_fuzz::y4m(bytes);
});
