//! The binary as its users meet it.

mod copies;
mod crashes;
mod errors;
mod pipes;
mod shows;
mod velo;
