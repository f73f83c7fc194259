//! Runs a program and strikes it: kills at a time or at a system call, errors of the system,
//! limits, disks that are full, read-only or failing.

mod calls;
mod disk;
mod limits;
mod run;
mod strace;

pub use calls::{Call, Point, parse, points};
pub use disk::Disk;
pub use limits::Limits;
pub use run::{Blow, End, Ended, Program, Running, Watch, run, start};
pub use strace::{FILE_CALLS, Injection, Strace, Strike};
