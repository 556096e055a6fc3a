#![no_main]
//! Whatever file is called a bundle: a report or an error, never a panic.
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = recorder::verify_bundle(bytes, None);
});
