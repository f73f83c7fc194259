//! Connector against connector; see the test binary beside this file.
