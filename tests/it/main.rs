//! Connector against connector, and the copy loop over models of difficult sources.

mod changes;
mod group;
mod running;
