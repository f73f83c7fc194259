//! Compression of whole files.
