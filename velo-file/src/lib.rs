//! file://, stdin: and stdout: for velo: globs, Hive partitions, splits, atomic sinks
