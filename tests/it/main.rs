//! The tests that need the whole house: its layering, the program run for real.

mod tidy;
