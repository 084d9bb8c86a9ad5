//! A world to try things in: a simulated provider that bills, and a plan of traffic.

pub mod provider;
pub mod traffic;
