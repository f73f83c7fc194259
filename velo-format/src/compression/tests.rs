use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

fn decompress(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let mut plain = Vec::new();
    decompressor(compression, input)
        .unwrap()
        .read_to_end(&mut plain)?;
    Ok(plain)
}

fn compress(compression: Compression, piece: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, None).unwrap();
    compressor.compress(piece).unwrap()
}

/// Text that has something to compress and something not to.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let bytes = (0..length).map(|at| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if at % 3 == 0 {
            (state >> 24) as u8
        } else {
            b'a' + (at % 20) as u8
        }
    });
    bytes.collect()
}

#[test]
fn pieces_laid_end_to_end_are_a_file() {
    for compression in BOTH {
        let mut compressor = Compressor::new(compression, None).unwrap();
        let pieces = [sample(300_000), Vec::new(), b"x".to_vec(), sample(70_000)];
        let mut file = Vec::new();
        for piece in &pieces {
            file.extend(compressor.compress(piece).unwrap());
        }
        assert_eq!(decompress(compression, &file).unwrap(), pieces.concat());
    }
}

#[test]
fn every_level_works_and_others_are_refused() {
    for (compression, levels, bad) in [
        (Compression::Gzip, 1..=9, [0, 10]),
        (Compression::Zstd, 1..=22, [0, 23]),
    ] {
        let plain = sample(10_000);
        for level in levels {
            let mut compressor = Compressor::new(compression, Some(level)).unwrap();
            let file = compressor.compress(&plain).unwrap();
            assert_eq!(
                decompress(compression, &file).unwrap(),
                plain,
                "{compression:?} {level}"
            );
        }
        for level in bad {
            let error = Compressor::new(compression, Some(level)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.context("option"), Some("compression_level"));
        }
    }
    assert!(Compressor::new(Compression::None, Some(3)).is_err());
    assert!(Compressor::new(Compression::Snappy, None).is_err());
    assert!(decompressor(Compression::Snappy, Box::new(io::empty())).is_err());
}

#[test]
fn data_that_end_early_are_an_error() {
    for compression in BOTH {
        let mut file = compress(compression, &sample(5_000));
        let first = file.len();
        file.extend(compress(compression, &sample(3_000)));
        for end in (0..file.len()).filter(|end| *end != first) {
            let error = decompress(compression, &file[..end]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}: {error}");
            assert!(error.to_string().contains("data end early"), "{error}");
        }
        assert_eq!(
            decompress(compression, &file[..first]).unwrap().len(),
            5_000
        );
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    for compression in BOTH {
        let plain = sample(2_000);
        let file = compress(compression, &plain);
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            match decompress(compression, &damaged) {
                Ok(read) => assert_eq!(read, plain, "{at}"),
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    ),
                    "{at}: {error:?}"
                ),
            }
        }
    }
}

#[test]
fn zeros_behind_gzip_are_padding_and_other_bytes_are_not() {
    let file = compress(Compression::Gzip, b"abc");
    let padded = [file.clone(), vec![0; 300_000]].concat();
    assert_eq!(decompress(Compression::Gzip, &padded).unwrap(), b"abc");
    for rest in [b"garbage".as_slice(), b"\0\0x", b"\x1f\x8c12345678"] {
        let error = decompress(Compression::Gzip, &[&file, rest].concat()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    let error = decompress(
        Compression::Zstd,
        &[&compress(Compression::Zstd, b"abc")[..], b"garbage"].concat(),
    );
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn errors_of_the_input_come_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::TimedOut, "gone"))
        }
    }
    for compression in BOTH {
        let file = compress(compression, &sample(10_000));
        let input = Cursor::new(file[..5_000].to_vec()).chain(Broken);
        let mut input = decompressor(compression, Box::new(input)).unwrap();
        let error = input.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "gone");
    }
}

proptest! {
    #[test]
    fn what_is_compressed_comes_back(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..5)
    ) {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            if pieces.is_empty() && compression != Compression::None {
                continue;
            }
            let mut compressor = Compressor::new(compression, None).unwrap();
            let file: Vec<u8> =
                pieces.iter().flat_map(|piece| compressor.compress(piece).unwrap()).collect();
            prop_assert_eq!(decompress(compression, &file).unwrap(), pieces.concat());
        }
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (compression, magic) in [
            (Compression::Gzip, &[0x1f, 0x8b, 8][..]),
            (Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd][..]),
        ] {
            let _ = decompress(compression, &bytes);
            let _ = decompress(compression, &[magic, &bytes].concat());
        }
    }
}
