//! `init`: layouts of repositories and the configurations that are made of them; the command on real repositories.
//!
//! Each folder of `tests/init/` is one case: `repository.txt`, the files; `expected.yaml`, the configuration;
//! `expected.txt`, the environments and every finding, or the error. A file begins with a line `-- PATH --`.
//! In it, a line `HelmRelease NAMESPACE/NAME IMAGE TAG` stands for a whole one, so that a case shows its layout and
//! little else; what stands after the tag is kept, as a setter comment would be.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod command;
mod goldens;
