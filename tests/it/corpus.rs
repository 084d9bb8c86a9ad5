//! The kept corpus of the fuzz targets, replayed: what once broke a decoder, and what reaches far into each.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use super::fuzz_targets::TARGETS;

#[test]
fn no_decoder_is_broken_by_what_the_fuzzer_found() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (name, target) in TARGETS {
        let entries = fs::read_dir(corpus.join(name)).expect("a corpus of the target");
        let mut inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let data = fs::read(&input).expect("an input");
            let survived = catch_unwind(|| target(&data)).is_ok();
            assert!(survived, "{} breaks {name}", input.display());
        }
    }
}

#[test]
fn every_target_has_its_fuzz_target_and_its_words() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.exists() {
        return; // The published package is without it.
    }
    let count = fs::read_dir(fuzz.join("fuzz_targets")).expect("the fuzz targets").count();
    assert_eq!(count, TARGETS.len());
    for (name, _) in TARGETS {
        let target = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).expect("a fuzz target");
        assert!(target.contains(&format!("run(\"{name}\"")), "{name} runs another target");
        assert!(fuzz.join(format!("dict/{name}.dict")).exists(), "{name} has no dictionary");
    }
}
