//! The `velo` binary.
fn main() {}
