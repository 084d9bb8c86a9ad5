//! The `outlay` program: hands the command line to the library.

use std::process::ExitCode;

/// It gives memory back that the system's own keeps: half of what a guard holds once it has read a vocabulary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    outlay::cli::main()
}
