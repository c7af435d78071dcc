//! libFuzzer's way to [`deblurd_fuzz::wire_header`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deblurd_fuzz::wire_header(bytes);
});
