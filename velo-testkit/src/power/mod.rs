//! A loss of power, simulated: what of a run's writes would be on the disk at any call of it.
//!
//! A run is recorded once, with the bytes of its writes. From the record the files are rebuilt as
//! a disk would hold them if the power failed behind a certain call: bytes that were not flushed
//! by `fsync` are there, or not, or in part; names whose directory was not flushed likewise, in
//! the order in which they were made. Then the real program is started on what is left.
//!
//! It does not see writes through memory maps and io_uring, and it takes `fsync` for true. A
//! rename between two directories happens in both or in none, as file systems with a journal
//! have it.

mod disk;
mod record;
mod replay;

pub use replay::{Recording, Survivor};
