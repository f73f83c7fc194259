//! What is generated: completions and the manual page, the reference of metrics.

use clap::CommandFactory;
use clap_complete::Shell;
use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::metrics;

use crate::args::{Arguments, Printed};
use crate::report;

pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "velo", &mut text);
    report::print(&String::from_utf8_lossy(&text))
}

pub(crate) fn man() -> Result<()> {
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(Arguments::command());
    let rendered = page.render(&mut text);
    rendered.map_err(|e| Error::new(ErrorKind::Io, "render the manual page").with_source(e))?;
    report::print(&String::from_utf8_lossy(&text))
}

/// Prints what is made of the tables of metrics and alerts.
pub(crate) fn metrics(format: Printed) -> Result<()> {
    report::print(&match format {
        Printed::Docs => metrics::reference(),
        Printed::Alerts => metrics::rules(),
        Printed::Grafana => format!("{:#}\n", metrics::dashboard()),
    })
}
