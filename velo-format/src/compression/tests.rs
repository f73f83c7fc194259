use std::io::{BufReader, Cursor};

use proptest::prelude::*;

use super::*;

const ALL: [Compression; 6] = [
    Compression::Gzip,
    Compression::Zstd,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Bzip2,
    Compression::Xz,
];

/// Two members, frames or streams of each, as the algorithms' own programs make them.
const SAMPLES: [(Compression, &[u8]); 5] = [
    (Compression::Gzip, include_bytes!("samples/two.gz")),
    (Compression::Zstd, include_bytes!("samples/two.zst")),
    (Compression::Lz4, include_bytes!("samples/two.lz4")),
    (Compression::Bzip2, include_bytes!("samples/two.bz2")),
    (Compression::Xz, include_bytes!("samples/two.xz")),
];

/// Gives so many bytes at once.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fn decompress_by(compression: Compression, bytes: &[u8], at_once: usize) -> io::Result<Vec<u8>> {
    let input = Box::new(Trickle(Cursor::new(bytes.to_vec()), at_once));
    let mut plain = Vec::new();
    let input = decompressor(compression, input).unwrap();
    // Small reads of what is decompressed as well.
    BufReader::with_capacity(at_once.min(8192), input).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Reads with so many threads: what came before an error, and the error.
fn decompress_on(
    threads: usize,
    compression: Compression,
    input: impl Read + Send + 'static,
) -> (Vec<u8>, Option<io::Error>) {
    let mut plain = Vec::new();
    let mut input = decompressor_of(compression, Box::new(input), threads).unwrap();
    let error = input.read_to_end(&mut plain).err();
    (plain, error)
}

fn decompress(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    decompress_by(compression, bytes, usize::MAX)
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
fn files_of_other_programs_are_read() {
    let mut expected = b"id,name\n1,a\n2,b\n".to_vec();
    expected.extend(b"abcdefgh".repeat(12_500));
    for (compression, file) in SAMPLES {
        for at_once in [1, 7, 1000, usize::MAX] {
            let read = decompress_by(compression, file, at_once).unwrap();
            assert!(read == expected, "{compression:?} {at_once}");
        }
        assert_eq!(
            Compression::detect(file),
            Some(compression)
                .filter(|c| *c != Compression::Lz4)
                .or(Some(Compression::Zstd))
        );
    }
    let filtered = include_bytes!("samples/delta.xz");
    assert!(decompress(Compression::Xz, filtered).unwrap() == expected[16..]);
}

#[test]
fn data_that_need_too_much_are_refused() {
    for (compression, file, part) in [
        (
            Compression::Zstd,
            &include_bytes!("samples/window.zst")[..],
            "128 MiB",
        ),
        (
            Compression::Xz,
            include_bytes!("samples/dictionary.xz"),
            "128 MiB",
        ),
        (
            Compression::Lz4,
            include_bytes!("samples/legacy.lz4"),
            "legacy",
        ),
    ] {
        let error = decompress(compression, file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn first_bytes_tell_what_was_written() {
    for compression in ALL {
        for piece in [&b""[..], b"id\n1\n"] {
            let file = compress(compression, piece);
            assert_eq!(Compression::detect(&file[..8]), Some(compression));
        }
        let ending = compression.ending().unwrap();
        let name = format!("a.csv.{ending}");
        assert_eq!(Compression::split_name(&name), ("a.csv", Some(compression)));
    }
    for text in [&b"BZh1,price\n"[..], b"\xff\xfei\0d\0\n\0", b"", b"id\n"] {
        assert_eq!(Compression::detect(text), None);
    }
}

#[test]
fn pieces_laid_end_to_end_are_a_file() {
    for compression in ALL {
        let mut compressor = Compressor::new(compression, None).unwrap();
        let pieces = [sample(300_000), Vec::new(), b"x".to_vec(), sample(70_000)];
        let mut file = Vec::new();
        for piece in &pieces {
            file.extend(compressor.compress(piece).unwrap());
        }
        assert!(
            decompress(compression, &file).unwrap() == pieces.concat(),
            "{compression:?}"
        );
    }
}

#[test]
fn every_level_works_and_others_are_refused() {
    for (compression, levels, bad) in [
        (Compression::Gzip, 1..10, [0, 10]),
        (Compression::Zstd, 1..23, [0, 23]),
        (Compression::Bzip2, 1..10, [0, 10]),
        (Compression::Xz, 0..10, [-1, 10]),
        (Compression::Snappy, 0..0, [0, 1]),
        (Compression::Lz4, 0..0, [0, 1]),
        (Compression::None, 0..0, [0, 1]),
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
}

#[test]
fn data_that_end_early_are_an_error() {
    for compression in ALL {
        let mut file = compress(compression, &sample(5_000));
        let first = file.len();
        file.extend(compress(compression, &sample(3_000)));
        for end in (0..file.len()).filter(|end| *end != first) {
            let error = match decompress(compression, &file[..end]) {
                // The format has no end mark, so what ends with a chunk is whole.
                Ok(read) if compression == Compression::Snappy => {
                    let at = end - if end > first { first } else { 0 };
                    assert_eq!((at, read.len() % 5_000), (10, 0));
                    continue;
                }
                other => other.unwrap_err(),
            };
            assert_eq!(
                error.kind(),
                io::ErrorKind::UnexpectedEof,
                "{compression:?} {end}: {error}"
            );
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
    for compression in ALL {
        let plain = sample(2_000);
        let file = compress(compression, &plain);
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            match decompress(compression, &damaged) {
                Ok(read) => assert_eq!(read, plain, "{compression:?} {at}"),
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        io::ErrorKind::InvalidData
                            | io::ErrorKind::UnexpectedEof
                            | io::ErrorKind::Unsupported
                    ),
                    "{at}: {error:?}"
                ),
            }
        }
    }
}

#[test]
fn zeros_behind_members_are_padding_and_other_bytes_are_not() {
    for (compression, zeros) in [(Compression::Gzip, 300_001), (Compression::Xz, 300_000)] {
        let padded = [compress(compression, b"abc"), vec![0; zeros]].concat();
        assert_eq!(decompress(compression, &padded).unwrap(), b"abc");
    }
    let stream = compress(Compression::Xz, b"abc");
    let padded = [&stream[..], &[0; 4], &stream, &[0; 8]].concat();
    assert_eq!(decompress(Compression::Xz, &padded).unwrap(), b"abcabc");
    let padded = [&stream[..], &[0; 3], &stream].concat();
    assert!(decompress(Compression::Xz, &padded).is_err());
    for compression in ALL {
        let file = compress(compression, b"abc");
        for rest in [
            b"garbage".as_slice(),
            b"\0\0x0000000",
            b"\x1f\x8c12345678",
            b"BZhello",
        ] {
            let error = decompress(compression, &[&file, rest].concat()).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ),
                "{compression:?} {rest:?} {error}"
            );
        }
    }
}

#[test]
fn errors_of_the_input_come_through_and_stay() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::TimedOut, "gone"))
        }
    }
    for compression in ALL {
        let file = compress(compression, &sample(10_000));
        let input = Cursor::new(file[..3_000].to_vec()).chain(Broken);
        let mut input = decompressor(compression, Box::new(input)).unwrap();
        let error = input.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{compression:?}");
        assert_eq!(error.to_string(), "gone");
        assert!(input.read(&mut [0; 9]).is_err(), "an error is no end");
    }
}

#[test]
fn an_interrupted_input_is_asked_again() {
    struct Interrupted(Cursor<Vec<u8>>, bool);
    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.1 {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => self.0.read(&mut buffer[..1]),
            }
        }
    }
    for compression in ALL {
        let file = [compress(compression, b"abc"), compress(compression, b"def")].concat();
        let input = Interrupted(Cursor::new(file), false);
        let mut plain = Vec::new();
        let mut input = decompressor(compression, Box::new(input)).unwrap();
        input.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, b"abcdef", "{compression:?}");
    }
}

/// Members as bgzip makes them, with its empty one at the end.
fn bgzf(plain: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for block in plain.chunks(60_000).chain([&b""[..]]) {
        let member = compress(Compression::Gzip, block);
        let mut head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0".to_vec();
        let length = u16::try_from(head.len() + 2 + member.len() - 20 - 1).unwrap();
        head.extend(length.to_le_bytes());
        file.extend(head);
        file.extend(&member[20..]);
    }
    file
}

/// Files of many frames, and what they hold.
fn divisible() -> Vec<(Compression, Vec<u8>, Vec<u8>)> {
    let pieces: Vec<Vec<u8>> = [700_000, 0, 5, 900_000, 1, 600_000, 300_000, 800_000]
        .map(sample)
        .to_vec();
    let plain = pieces.concat();
    let mut files = vec![(Compression::Gzip, bgzf(&plain), plain.clone())];
    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut compressor = Compressor::new(compression, None).unwrap();
        let compressed = pieces
            .iter()
            .flat_map(|piece| compressor.compress(piece).unwrap());
        files.push((compression, compressed.collect(), plain.clone()));
    }
    files
}

#[test]
fn threads_read_what_one_reads() {
    for (compression, file, plain) in divisible() {
        let mut members = Vec::new();
        let input =
            BufReader::with_capacity(INPUT_BLOCK, Source(Box::new(Cursor::new(file.clone()))));
        let algorithm = Algorithm::of(compression).unwrap().unwrap();
        let mut input = input;
        while !at_end(&mut input).unwrap() {
            let cut = algorithm.cut.unwrap()(&mut input, &mut members).unwrap();
            assert!(cut.is_some(), "{compression:?}: every member tells its end");
        }
        assert!(members == file);
        let whole = sample(9 << 20);
        let beyond = [file.clone(), compress(compression, &whole), file.clone()].concat();
        for threads in [1, 2, 4] {
            let (read, error) = decompress_on(threads, compression, Cursor::new(file.clone()));
            assert!(
                read == plain && error.is_none(),
                "{compression:?} {threads}: {error:?}"
            );
            let trickle = Trickle(Cursor::new(file.clone()), 1000);
            assert!(decompress_on(threads, compression, trickle).0 == plain);
            // A large frame ends the reading ahead and nothing else.
            let (read, error) = decompress_on(threads, compression, Cursor::new(beyond.clone()));
            assert!(error.is_none(), "{error:?}");
            assert!(read == [&plain[..], &whole, &plain].concat());
        }
    }
}

#[test]
fn threads_find_the_damage_that_one_finds() {
    for (compression, file, plain) in divisible() {
        let mut damaged: Vec<Vec<u8>> = Vec::new();
        for part in 0..20 {
            let at = file.len() * part / 20 + part;
            damaged.push(file[..at].to_vec());
            let mut flipped = file.clone();
            flipped[at] ^= 0x21;
            damaged.push(flipped);
        }
        damaged.push([&file[..], b"garbage"].concat());
        damaged.push([&file[..], &[0; 100]].concat());
        damaged.push([&file[..], &[0; 100], b"x"].concat());
        for (which, bytes) in damaged.into_iter().enumerate() {
            let (one, expected) = decompress_on(1, compression, Cursor::new(bytes.clone()));
            let (many, found) = decompress_on(3, compression, Cursor::new(bytes));
            assert!(plain.starts_with(&one) || expected.is_some(), "{which}");
            let report = format!("{compression:?} {which}: {expected:?} {found:?}");
            assert_eq!(
                expected.as_ref().map(io::Error::kind),
                found.as_ref().map(io::Error::kind),
                "{report}"
            );
            match expected {
                None => assert!(one == many, "{report}"),
                // How much of a damaged block is given out is the decoder's affair.
                Some(_) => assert!(many.starts_with(&one) || one.starts_with(&many), "{report}"),
            }
        }
    }
}

#[test]
fn a_member_that_lies_about_its_length_is_damaged() {
    let (_, mut file, plain) = divisible().remove(1);
    let length = |file: &[u8], at: usize| {
        assert_eq!(file[at + 12..at + 16], *b"VL\x04\0");
        u32::from_le_bytes(file[at + 16..at + 20].try_into().unwrap())
    };
    let mut at = 0;
    for _ in 0..3 {
        at += length(&file, at) as usize;
    }
    let large = length(&file, at);
    // It takes the next one, of one byte, for its own.
    let both = large + length(&file, at + large as usize);
    file[at + 16..at + 20].copy_from_slice(&both.to_le_bytes());
    for (threads, fails) in [(1, false), (3, true)] {
        let (read, error) = decompress_on(threads, Compression::Gzip, Cursor::new(file.clone()));
        assert_eq!(error.is_some(), fails, "{error:?}");
        assert!(plain.starts_with(&read));
    }
}

#[test]
fn errors_of_the_input_come_behind_what_was_read_before() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::TimedOut, "gone"))
        }
    }
    for (compression, file, plain) in divisible() {
        for at in [0, 5, file.len() / 2, file.len() - 3, file.len()] {
            let input = || Cursor::new(file[..at].to_vec()).chain(Broken);
            let (one, _) = decompress_on(1, compression, input());
            let (many, error) = decompress_on(3, compression, input());
            let error = error.unwrap();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{at}");
            assert_eq!(error.to_string(), "gone");
            assert!(plain.starts_with(&many) && many.len() >= one.len().min(plain.len() / 4));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn threads_change_nothing(
        lengths in prop::collection::vec(0..400_000_usize, 1..8),
        zstd: bool,
        threads in 2..5_usize,
    ) {
        let compression = if zstd { Compression::Zstd } else { Compression::Gzip };
        let mut compressor = Compressor::new(compression, Some(1)).unwrap();
        let pieces: Vec<Vec<u8>> = lengths.into_iter().map(sample).collect();
        let file: Vec<u8> =
            pieces.iter().flat_map(|piece| compressor.compress(piece).unwrap()).collect();
        let (read, error) = decompress_on(threads, compression, Cursor::new(file));
        prop_assert!(error.is_none());
        prop_assert!(read == pieces.concat());
    }
}

proptest! {

    #[test]
    fn what_is_compressed_comes_back(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 1..5),
        at_once in 1..5_000_usize,
    ) {
        for compression in ALL {
            let mut compressor = Compressor::new(compression, None).unwrap();
            let file: Vec<u8> =
                pieces.iter().flat_map(|piece| compressor.compress(piece).unwrap()).collect();
            let read = decompress_by(compression, &file, at_once).unwrap();
            prop_assert_eq!(read, pieces.concat());
        }
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for compression in ALL {
            let _ = decompress(compression, &bytes);
            let start = compress(compression, b"");
            for magic in [4, 6, 10, start.len()] {
                let magic = &start[..magic.min(start.len())];
                let _ = decompress(compression, &[magic, &bytes].concat());
            }
        }
    }

    #[test]
    fn damaged_files_never_panic(at in 0..500_usize, byte: u8, which in 0..SAMPLES.len()) {
        let (compression, file) = SAMPLES[which];
        let mut damaged = file.to_vec();
        let at = at % damaged.len();
        damaged[at] = byte;
        let _ = decompress(compression, &damaged);
    }
}

/// A decoder with a defect.
struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("no such window")
    }
}

#[test]
fn a_decoder_that_panics_is_damaged_data() {
    let mut input = Decompressor {
        name: "gzip",
        threads: 1,
        state: State::Open(Box::new(Panics)),
    };
    for told in ["no such window", "reading went on behind an error"] {
        let error = input.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), format!("gzip data are corrupt: {told}"));
    }
}

#[test]
fn a_decoder_that_panics_ahead_of_the_reader_is_damaged_data() {
    const UNIT: usize = 300_000;
    let cut: Cut = |input, bytes| {
        input.take(UNIT as u64).read_to_end(bytes)?;
        Ok(Some(UNIT))
    };
    // The first unit is decompressed by the reader, the next by a thread.
    let open: Open = |mut input, _| match input.fill_buf()?.first() {
        Some(0) => Ok(Box::new(io::empty())),
        _ => Ok(Box::new(Panics)),
    };
    let bytes = [vec![0; UNIT], vec![1; UNIT]].concat();
    let input = BufReader::new(Source(Box::new(Cursor::new(bytes))));
    let mut ahead = Ahead::new(cut, open, input, 2);
    let error = ahead.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "no such window");
}
