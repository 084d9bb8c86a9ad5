//! What LLM calls cost, tenant by tenant: the library behind the `outlay` program.

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
