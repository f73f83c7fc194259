//! The contract every velo connector passes, and data to test it with
