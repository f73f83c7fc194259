//! Files on disk, read and written.

mod source;
