//! Decompression: any bytes are decompressed or refused, in bounded memory.

#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use velo_format::Compression;
use velo_format::compression::decompressor;

/// Bytes of output after which an input counts as sound.
const ENOUGH: u64 = 8 << 20;

fuzz_target!(|bytes: &[u8]| {
    velo_fuzz::let_fences_stand();
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let all = [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Bzip2,
        Compression::Xz,
    ];
    let compression = all[usize::from(*choice) % all.len()];
    let input = Box::new(Cursor::new(bytes.to_vec()));
    if let Ok(input) = decompressor(compression, input) {
        let _ = std::io::copy(&mut input.take(ENOUGH), &mut std::io::sink());
    }
});
