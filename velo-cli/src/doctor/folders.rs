//! The folders that a pipeline writes to: may it, and is there room?

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use velo_core::{ErrorKind, Uri};
use velo_pipeline::Pipeline;
use velo_pipeline::config::PipelineFile;

use super::Finding;
use crate::report;

/// Room below which a pipeline will soon stop, and below which one should look.
const TOO_LITTLE: u64 = 64 << 20;
const LITTLE: u64 = 1 << 30;

/// Tries each folder on this machine that the pipeline writes to.
pub(super) fn look(described: &PipelineFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (about, folder) in written(described) {
        if seen.insert(folder.clone()) {
            findings.push(tried(about, &folder));
            findings.extend(room(about, &folder));
        }
    }
    findings
}

/// Lists what is written on this machine.
fn written(described: &PipelineFile) -> Vec<(&'static str, PathBuf)> {
    let mut folders = Vec::new();
    if let Some(checkpoint) = &described.checkpoint
        && let Ok(uri) = Uri::parse(&checkpoint.store)
    {
        let path = PathBuf::from(&*uri.path());
        let folder = match uri.scheme() {
            "sqlite" => path.parent().map(Path::to_owned).unwrap_or_default(),
            _ => path,
        };
        folders.push(("checkpoints", folder));
    }
    let sinks = described.sink.iter().chain(described.sinks.values());
    let sinks = sinks.map(|end| ("output", end));
    let letters = described
        .dead_letter
        .iter()
        .map(|letters| ("dead letters", &letters.to));
    for (about, end) in sinks.chain(letters) {
        folders.extend(folder_of(&end.uri).map(|folder| (about, folder)));
    }
    folders
}

/// Gives the folder of a file sink, before the first name that rows fill in.
fn folder_of(uri: &str) -> Option<PathBuf> {
    let fixed = uri.split("${").next().unwrap_or(uri);
    let parsed = Uri::parse(fixed).ok()?;
    let path = parsed.path();
    if parsed.scheme() != "file" || path == "-" || path.is_empty() {
        return None;
    }
    let path = Path::new(&*path);
    let is_device = path.exists() && !path.is_dir() && !path.is_file();
    if is_device {
        return None;
    }
    let is_folder = path.is_dir() || parsed.path().ends_with('/');
    match is_folder {
        true => Some(path.to_owned()),
        false => Some(path.parent().unwrap_or(Path::new("")).to_owned()),
    }
}

/// Writes a file and removes it, in the folder or in the nearest one that exists.
fn tried(about: &'static str, folder: &Path) -> Finding {
    let existing = existing(folder);
    let shown = shown(folder);
    let attempt = tempfile::Builder::new()
        .prefix(".velo-doctor-")
        .tempfile_in(&existing)
        .and_then(|mut file| {
            file.write_all(b"velo")?;
            file.as_file().sync_all()
        });
    match attempt {
        Ok(()) if existing == folder || folder == Path::new("") => {
            Finding::ok(about, format!("{shown} can be written"))
        }
        Ok(()) => Finding::ok(about, format!("{shown} can be made")),
        Err(cause) => {
            let kind = velo_core::Error::from(cause).kind();
            let advice = "let the user that runs the pipeline write there, or name another folder";
            Finding::problem(about, kind, format!("{shown} cannot be written"), advice)
        }
    }
}

fn room(about: &'static str, folder: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(existing(folder)).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let nodes = (found.f_files > 0).then_some(found.f_favail);
    Some(judged(about, &shown(folder), free, nodes))
}

/// Judges free bytes and, where a file system counts them, free inodes.
fn judged(about: &'static str, shown: &str, free: u64, nodes: Option<u64>) -> Finding {
    let text = format!("{shown} has {} MiB free", report::count(free >> 20));
    let advice = "make room";
    if nodes.is_some_and(|nodes| nodes < 100) {
        let found = format!("{shown} has no room for more files");
        return Finding::problem(about, ErrorKind::Io, found, advice);
    }
    match free {
        free if free < TOO_LITTLE => Finding::problem(about, ErrorKind::Io, text, advice),
        free if free < LITTLE => Finding::warning(about, text, advice),
        _ => Finding::ok(about, text),
    }
}

/// Gives the folder, or what is there of the path to it: a file in its place is found as well.
fn existing(folder: &Path) -> PathBuf {
    let real = folder.ancestors().find(|path| path.exists());
    match real {
        Some(path) if path != Path::new("") => path.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn shown(folder: &Path) -> String {
    match folder == Path::new("") {
        true => "this folder".to_owned(),
        false => folder.display().to_string(),
    }
}

/// Gives the time at which the newest checkpoint was written.
pub(super) fn newest_checkpoint(
    described: &PipelineFile,
    pipeline: &Pipeline,
) -> Option<SystemTime> {
    let uri = Uri::parse(&described.checkpoint.as_ref()?.store).ok()?;
    let path = PathBuf::from(&*uri.path());
    let modified = |path: &Path| path.metadata().ok()?.modified().ok();
    if uri.scheme() == "sqlite" {
        return modified(&path);
    }
    let task = path.join(&*pipeline.name).join(pipeline.task.to_string());
    let entries = std::fs::read_dir(task).ok()?;
    let times = entries
        .flatten()
        .filter_map(|entry| modified(&entry.path()));
    times.max()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn room_is_judged() {
        let io = Level::Problem(ErrorKind::Io);
        for (free, nodes, level) in [
            (10 << 30, None, Level::Ok),
            (10 << 30, Some(1_000_000), Level::Ok),
            (10 << 30, Some(3), io),
            (512 << 20, None, Level::Warning),
            (1 << 20, None, io),
        ] {
            assert_eq!(judged("output", "out", free, nodes).level, level, "{free}");
        }
    }

    #[test]
    fn the_folder_of_a_sink_is_fixed() {
        for (uri, folder) in [
            ("out.csv", Some("")),
            ("file:///no/such/a.csv?sync=false", Some("/no/such")),
            ("/no/such/${stream}/?format=csv", Some("/no/such/")),
            ("/no/such/${a}.csv", Some("/no/such/")),
            ("-", None),
            ("stdout:?format=csv", None),
            ("memory://a", None),
        ] {
            assert_eq!(folder_of(uri), folder.map(PathBuf::from), "{uri}");
        }
    }
}
