//! Replays what the fuzzer has kept: nothing panics. How long one may run, the fuzzer itself holds.

use std::path::Path;

use crate::fuzz_targets::TARGETS;

#[test]
fn nothing_that_the_fuzzer_has_kept_does_harm() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut count = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            let file = entry.unwrap().path();
            let bytes = std::fs::read(&file).unwrap();
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            target(text);
            count += 1;
        }
        assert!(count >= 10, "the corpus of {name} has {count} files");
    }
}
