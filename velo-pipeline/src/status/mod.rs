//! The status of running pipelines over HTTP, in a thread of its own.
//!
//! - `monitor` looks at the pipelines every second: rates, statistics, health.
//! - `server` takes connections, `routes` answers, `webhook` tells of changes of health.
//!
//! Nothing here can hold a pipeline up: it only reads its figures.

mod monitor;
mod routes;
mod server;
mod webhook;

pub use server::{Server, serve};
