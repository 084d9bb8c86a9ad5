//! The tests that need the whole house: its layering, the program run for real.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod tidy;
mod traps;
mod home;
mod program;
mod store;
mod table;
mod pty;
mod manners;
mod pictures;
mod model;
mod guard;
mod caps;
mod status;
mod fuzz_targets;
mod corpus;
