//! The `tidegate` binary: parse, wire, exit code.

fn main() {}
