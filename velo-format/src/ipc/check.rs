//! What a record batch says of its buffers, checked before anything is allocated by it.

use arrow_ipc::{BodyCompressionMethod, CompressionType};
use velo_core::{Error, ErrorKind, Result};

use super::error::corrupt;

/// Values of one record batch once they are decompressed, in bytes.
const LARGEST: u64 = 2 << 30;
/// Beyond so many bytes, they may have so many times the bytes of the body: a few kilobytes are not
/// to become gigabytes.
const FREE: u64 = 256 << 20;
const RATIO: u64 = 64;
/// Before each compressed buffer stands its length without compression, or -1 for one that is not
/// compressed.
const PREFIX: usize = 8;

/// Refuses lengths that the body does not bear out.
pub(super) fn check(batch: &arrow_ipc::RecordBatch<'_>, body: &[u8]) -> Result<()> {
    let is_compressed = match batch.compression() {
        None => false,
        Some(compression) => {
            let known = [CompressionType::LZ4_FRAME, CompressionType::ZSTD];
            let by_buffer = compression.method() == BodyCompressionMethod::BUFFER;
            if !by_buffer || !known.contains(&compression.codec()) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "arrow data are compressed in an unknown way",
                ));
            }
            true
        }
    };
    let mut decoded = 0_u64;
    for buffer in batch.buffers().unwrap_or_default() {
        let start = usize::try_from(buffer.offset()).ok();
        let length = usize::try_from(buffer.length()).ok();
        let end = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add(length));
        let bytes = start.zip(end).and_then(|(start, end)| body.get(start..end));
        let bytes = bytes.ok_or_else(|| wrong("a buffer reaches beyond its message"))?;
        let size = match is_compressed {
            true => decompressed(bytes)?,
            false => bytes.len() as u64,
        };
        decoded = decoded.saturating_add(size);
    }
    if decoded > LARGEST.max(body.len() as u64) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "an arrow record batch has over 2 GiB of values",
        )
        .with_hint("write it as smaller record batches"));
    }
    if decoded > FREE && decoded / RATIO > body.len() as u64 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "an arrow record batch has over 256 MiB of values, and 64 times its bytes",
        )
        .with_hint("write it as smaller record batches"));
    }
    check_counts(batch, decoded)
}

fn check_counts(batch: &arrow_ipc::RecordBatch<'_>, decoded: u64) -> Result<()> {
    // Each value of a type that is read takes a bit at least.
    let most = decoded.saturating_mul(8);
    let fits = |count: i64| u64::try_from(count).is_ok_and(|count| count <= most);
    let mut columns = 0;
    for node in batch.nodes().unwrap_or_default() {
        columns += 1;
        if !fits(node.length()) || node.null_count() < 0 || node.null_count() > node.length() {
            return Err(wrong("a column has more values than bytes"));
        }
    }
    let rows = batch.length();
    // Rows without columns take no bytes at all.
    let is_wrong = match columns {
        0 => !(0..=i64::from(i32::MAX)).contains(&rows),
        _ => !fits(rows),
    };
    let mut views = batch.variadicBufferCounts().into_iter().flatten();
    if is_wrong || views.any(|count| !(0..=i64::from(i32::MAX)).contains(&count)) {
        return Err(wrong("it has more rows than bytes"));
    }
    Ok(())
}

fn decompressed(buffer: &[u8]) -> Result<u64> {
    let Some(prefix) = buffer.first_chunk::<PREFIX>() else {
        return match buffer.is_empty() {
            true => Ok(0),
            false => Err(wrong("a compressed buffer has no length")),
        };
    };
    match i64::from_le_bytes(*prefix) {
        -1 => Ok((buffer.len() - PREFIX) as u64),
        length => u64::try_from(length).map_err(|_| wrong("a compressed buffer has no length")),
    }
}

fn wrong(what: &'static str) -> Error {
    corrupt().with_source(what)
}
