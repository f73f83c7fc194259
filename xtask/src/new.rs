//! placeholder
use crate::error::Result;
use crate::workspace::Workspace;
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Name.
    name: String,
}
pub(crate) fn new(_: &Workspace, arguments: &Arguments) -> Result {
    println!("{}", arguments.name);
    Ok(())
}
