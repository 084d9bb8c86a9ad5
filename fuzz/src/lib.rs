//! The targets that the ordinary tests replay, handed to the fuzzer.

#[path = "../../tests/it/fuzz_targets.rs"]
mod targets;

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let target = targets::TARGETS.iter().find(|(known, _)| *known == name);
    target.expect("a target of this name").1(data);
}
