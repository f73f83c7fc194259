//! Counting the records of a file.

use std::sync::Arc;

use velo_core::Result;
use velo_format::DecodeRequest;

use super::catalog::{Catalog, DataFile};
use super::{Settings, stream};

/// Counts the records of a file, up to `most`.
pub(super) fn records(
    catalog: &Catalog,
    settings: &Settings,
    file: &DataFile,
    most: u64,
) -> Result<u64> {
    let (opened, coding) = catalog.open_stream(file, &settings.formats)?;
    let beginning = catalog.beginning(file, &opened, coding)?;
    let format = beginning.format(catalog.stream_format(file)?);
    let prologue = &beginning.prologue;
    let mut decoder = format.decoder(DecodeRequest {
        schema: Arc::new(catalog.data.project(&[0])?),
        columns: prologue.columns.clone(),
        header: prologue.header.clone(),
        batch_rows: settings.batch_rows(1),
        start: prologue.bytes,
        row_starts: false,
    })?;
    let mut input = coding.contents(&opened)?;
    let (mut buffer, mut filled, mut records) = (vec![0; 1 << 18], 0, 0);
    let mut skip = usize::try_from(prologue.bytes).unwrap_or(usize::MAX);
    loop {
        let read = stream::fill(&mut input, &mut buffer[filled..]);
        filled += read.map_err(|error| stream::broken(opened.path(), error, None))?;
        let last = filled < buffer.len();
        let mut at = skip.min(filled);
        skip -= at;
        loop {
            let consumed = decoder.decode(&buffer[at..filled], last)?;
            at += consumed;
            if !decoder.is_full() {
                break;
            }
            records += decoder.records() as u64;
            decoder.take()?;
        }
        let so_far = records + decoder.records() as u64;
        if last || so_far >= most {
            return Ok(so_far.min(most));
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if at == 0 {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}
