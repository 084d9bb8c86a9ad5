//! A world to try things in: a simulated provider that bills, a plan of traffic, and the applications that send it.

pub mod provider;
pub mod traffic;
pub mod history;
pub mod request;
pub mod client;
