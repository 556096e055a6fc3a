//! Any bytes as a weight file: refused or loaded, never a crash.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = encoder::Encoder::load(data, "[UNK]\n[CLS]\n[SEP]\na\n##b\n");
});
