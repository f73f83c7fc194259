//! Runs velo sources into sinks: the copy loop
