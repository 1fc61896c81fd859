//! One libFuzzer binary for all targets; `SHIPWAY_FUZZ_TARGET` names the one to run.

#![no_main]

#[path = "../../crates/asl/tests/it/fuzz_targets.rs"]
mod fuzz_targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&str)> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let target = TARGET.get_or_init(|| {
        // WHY: the fuzzer's hook aborts on every panic, also on those of a library that the language takes as an
        // error; those that leave the target still end the run.
        std::panic::set_hook(Box::new(|_| ()));
        let name = std::env::var("SHIPWAY_FUZZ_TARGET").expect("SHIPWAY_FUZZ_TARGET names a target");
        let named = fuzz_targets::TARGETS.iter().find(|(known, _)| *known == name);
        named.expect("there is such a target").1
    });
    if let Ok(text) = std::str::from_utf8(data) {
        target(text);
    }
});
