//! libFuzzer's way to [`deblurd_fuzz::onnx`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deblurd_fuzz::onnx(bytes);
});
