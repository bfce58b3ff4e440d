//! The `tidegate` binary: parse, wire, exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Reading ten thousand files is mostly small allocations on every core: see docs/performance.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tidegate::cli::main()
}
