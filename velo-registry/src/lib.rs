//! URI in, velo connector out: one cargo feature per connector
