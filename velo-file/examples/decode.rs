//! Decodes a CSV or JSON lines file on one thread, with the decoder alone or through the traits.
//!
//! `cargo xtask bench --traits` counts the instructions of both: those of the functions `direct`
//! and `through_traits`, so that finding the types, which both do alike, is left out.

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::io::Read;

use tokio::runtime::Runtime;
use velo_core::{
    Budget, DataSource, Error, ErrorKind, Event, ReadRequest, Result, SplitChange, Uri,
};
use velo_file::FileSource;
use velo_format::{DecodeRequest, Decoder, Layout, ReadOptions, detect_name};

/// What the source reads at once, too.
const BLOCK: usize = 256 << 10;
const BATCH_ROWS: usize = 8192;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(failed)?;
    let mut arguments = std::env::args().skip(1);
    let (mode, path) = (arguments.next(), arguments.next().unwrap_or_default());
    let one_split = format!("{path}?split_size=1GiB");
    let source = FileSource::from_uri(&Uri::parse(&one_split)?)?;
    let rows = match mode.as_deref() {
        Some("traits") => {
            runtime.block_on(source.streams())?;
            through_traits(&runtime, &source)?
        }
        Some("direct") => {
            let (file, mut decoder) = runtime.block_on(prepare(&source, &path))?;
            direct(file, &mut *decoder)?
        }
        _ => {
            let message = "expected `direct FILE` or `traits FILE`";
            return Err(Error::new(ErrorKind::Config, message));
        }
    };
    println!("{rows} rows");
    Ok(())
}

/// Reads every split to its end.
#[inline(never)]
fn through_traits(runtime: &Runtime, source: &FileSource) -> Result<usize> {
    runtime.block_on(read_all(source))
}

async fn read_all(source: &FileSource) -> Result<usize> {
    let mut rows = 0;
    let mut splits = source.splits(None).await?;
    while let Some(change) = splits.next().await? {
        let SplitChange::Added { splits, .. } = change else {
            continue;
        };
        for split in splits {
            let request = ReadRequest::new(split, Budget::new(256 << 20));
            let mut reader = source.create_reader(request).await?;
            while let Some(event) = reader.read().await? {
                if let Event::Rows(batch) = event {
                    rows += batch.num_rows();
                }
            }
        }
    }
    Ok(rows)
}

/// Makes a decoder, and opens the file where the first record starts.
async fn prepare(source: &FileSource, path: &str) -> Result<(File, Box<dyn Decoder>)> {
    let schema = source.streams().await?[0].schema().clone();
    let Some(Layout::Stream(format)) = detect_name(path)
        .format
        .map(|format| format.layout(&ReadOptions::default()))
        .transpose()?
    else {
        return Err(Error::new(ErrorKind::Config, "file is not one of records"));
    };
    let mut head = vec![0; BLOCK];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    let prologue = format.prologue(&head[..read.map_err(failed)?], false)?;
    let prologue = prologue.unwrap_or_default();
    let mut file = File::open(path).map_err(failed)?;
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(prologue.bytes)).map_err(failed)?;
    let decoder = format.decoder(DecodeRequest {
        schema,
        columns: prologue.columns,
        header: prologue.header,
        batch_rows: BATCH_ROWS,
        start: prologue.bytes,
        row_starts: false,
    })?;
    Ok((file, decoder))
}

/// Feeds the decoder block by block.
#[inline(never)]
fn direct(mut file: File, decoder: &mut dyn Decoder) -> Result<usize> {
    let (mut buffer, mut filled, mut rows) = (vec![0; 2 * BLOCK], 0, 0);
    loop {
        let read = file.read(&mut buffer[filled..]).map_err(failed)?;
        filled += read;
        let mut at = 0;
        loop {
            at += decoder.decode(&buffer[at..filled], read == 0)?;
            if !decoder.is_full() && read > 0 {
                break;
            }
            rows += decoder.take()?.rows.num_rows();
            if at == filled {
                break;
            }
        }
        if read == 0 {
            return Ok(rows);
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "read the file").with_source(error)
}
