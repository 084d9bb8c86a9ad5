//! Runs the simulated provider alone: `cargo run --example simulated_provider -- 127.0.0.1:8090`.
//!
//! Prints the address that it listens on. `GET /_sim/bill` tells what it billed.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::sync::Arc;

use outlay::cli::context::now;
use outlay::demo::provider::{Options, Provider, serve};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let provider = Provider::new(Options::new(Arc::new(now)));
    match serve(listener, provider).await {}
}
