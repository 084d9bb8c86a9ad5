//! The guard: a proxy in front of the providers that meters each call and holds tenants to their caps.
//!
//! [`call`] is the way of one call, from top to bottom; the other files are its words.

pub mod call;
mod ask;
mod estimate;
mod held;
mod turn;
mod pace;
mod upstream;
mod answer;
mod fuse;
mod settle;
mod replay;
mod free;
mod reader;
mod reply;
mod body;
mod house;
mod door;
mod strict;
mod stream;
mod secret;
mod metrics;
mod admin;
mod serve;
mod clock;
mod run;

pub use clock::Clock;
pub use house::{House, Plan, Stage};
pub use run::{Ready, run};
pub use upstream::Upstream;
