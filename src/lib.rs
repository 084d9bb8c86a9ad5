//! What LLM calls cost, tenant by tenant: the library behind the `outlay` program.

/// Says whether a known mistake is to be made here, to see that a test notices: `tests/bench/mutants.py`. In every
/// other build, each release among them, it is `false` and nothing is left of it.
#[cfg(not(mutant))]
macro_rules! mutant {
    ($name:literal) => {
        false
    };
}
#[cfg(mutant)]
macro_rules! mutant {
    ($name:literal) => {
        std::env::var("OUTLAY_MUTANT").is_ok_and(|name| name == $name)
    };
}

pub mod domain;
pub mod wire;
pub mod count;
pub mod store;
pub mod feed;
pub mod config;
pub mod demo;
pub mod report;
pub mod tui;
pub mod guard;
pub mod cli;
