//! The columns of all files together, with what is to be said of them.

use arrow_schema::SchemaRef;
use velo_core::Result;

use super::Settings;
use super::drift::{self, FileSchema};
use super::sample::Finding;

/// The columns of the data, and how the files are read.
pub(super) struct Columns {
    pub(super) data: SchemaRef,
    pub(super) details: Vec<String>,
}

impl Columns {
    pub(super) fn of(data: SchemaRef) -> Self {
        Self {
            data,
            details: Vec::new(),
        }
    }
}

/// Puts together what was found in the files; remarks go to `notes`.
///
/// # Errors
/// `InvalidData` for columns that drift, if that is not allowed.
pub(super) fn together(
    findings: Vec<Finding>,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<Columns> {
    let schemas: Vec<FileSchema<'_>> = findings
        .iter()
        .map(|finding| FileSchema {
            path: &finding.path,
            schema: finding.inferred.schema.clone(),
        })
        .collect();
    let spelled_out = !findings.iter().any(|finding| finding.inferred.declared);
    let data = drift::merge(settings.options.schema_drift, &schemas, spelled_out)?;
    let spelled = |finding: &Finding| finding.dialect.clone().map(|(spelled, _)| spelled);
    let differ = findings
        .windows(2)
        .any(|two| spelled(&two[0]) != spelled(&two[1]));
    let mut details = Vec::new();
    for finding in &findings {
        for note in &finding.inferred.notes {
            let note = match differ {
                true => format!("{}: {note}", finding.path),
                false => note.clone(),
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let Some((spelled, reason)) = &finding.dialect else {
            continue;
        };
        let detail = match differ {
            true => format!("{}: {spelled} ({reason})", finding.path),
            false => format!("{spelled} ({reason})"),
        };
        if differ || details.is_empty() {
            details.push(detail);
        }
    }
    Ok(Columns { data, details })
}
