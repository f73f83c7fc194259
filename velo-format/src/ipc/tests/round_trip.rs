use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int64Array, StringArray};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{Field, Fields, IntervalUnit, Schema, UnionFields, UnionMode};
use proptest::prelude::*;
use velo_core::ErrorKind;

use super::*;
use crate::harness::{read, request as stream_request};
use crate::{Compression, DecodeRequest, OutputFormat, StreamFormat};

fn numbers(rows: i64) -> RecordBatch {
    let a: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let b: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..rows).map(|row| format!("row {row}")),
    ));
    RecordBatch::try_from_iter([("a", a), ("b", b)]).unwrap()
}

/// Rows whose dictionary differs from one seed to the next.
fn words(seed: usize, rows: usize) -> RecordBatch {
    let word = |row: usize| (row % 5 != 3).then(|| format!("{seed}-{}", row % (seed + 2)));
    let words: Vec<_> = (0..rows).map(word).collect();
    let words: DictionaryArray<Int8Type> = words.iter().map(Option::as_deref).collect();
    let words: ArrayRef = Arc::new(words);
    RecordBatch::try_from_iter_with_nullable([("w", words, true)]).unwrap()
}

fn plain(rows: &RecordBatch) -> Vec<Option<String>> {
    let column = arrow_cast::cast(rows.column(0), &DataType::Utf8).unwrap();
    let texts = column.as_string::<i32>().iter();
    texts.map(|text| text.map(str::to_owned)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_type_comes_back(
        seed in any::<u64>(),
        lengths in prop::collection::vec(0..60_usize, 1..5),
        codec in 0..CODECS.len(),
        batch_rows in 1..50_usize,
        block in 100..5_000_usize,
    ) {
        let batch = |(at, rows): (usize, &usize)| data::rows(&kinds(), *rows, seed.wrapping_add(at as u64)).unwrap();
        let batches: Vec<_> = lengths.iter().enumerate().map(batch).collect();
        let (schema, expected) = all_of(&batches);

        let input = open(write_file(CODECS[codec], &batches).unwrap()).unwrap();
        prop_assert_eq!(&input.units().schema, &schema);
        let units: Vec<_> = input.units().units.iter().map(|unit| unit.rows as usize).collect();
        prop_assert_eq!(units, lengths.iter().copied().filter(|rows| *rows > 0).collect::<Vec<_>>());
        let found = read_all(&*input).unwrap();
        let bytes = write_stream(CODECS[codec], &batches).unwrap();
        let request = DecodeRequest { batch_rows, ..stream_request(&schema) };
        let streamed = read(&stream(), &request, &bytes, block).unwrap();
        for (at, kind) in kinds().iter().enumerate() {
            prop_assert_eq!(found.column(at), expected.column(at), "{}", kind);
            prop_assert_eq!(streamed.rows.column(at), expected.column(at), "{}", kind);
        }
        prop_assert_eq!(streamed.row_starts.len(), expected.num_rows());
    }

    #[test]
    fn any_range_of_rows_in_any_batch_size(
        from in 0..130_u64, to in 0..130_u64, batch_rows in 1..50_usize,
    ) {
        let input = open(write_file(Codec::Zstd, &[numbers(120)]).unwrap()).unwrap();
        let request = RandomRequest { rows: from..to, batch_rows, ..request(0) };
        let found: Vec<_> = input.read(request).unwrap().map(Result::unwrap).collect();
        prop_assert!(found.iter().all(|batch| (1..=batch_rows).contains(&batch.num_rows())));
        let (from, to) = (from.min(120) as usize, to.min(120) as usize);
        let expected = numbers(120).slice(from, to.saturating_sub(from));
        prop_assert_eq!(concat_batches(&expected.schema(), &found).unwrap(), expected);
    }
}

#[test]
fn columns_come_in_the_wanted_order() {
    let input = open(write_file(Codec::Lz4Raw, &[numbers(10)]).unwrap()).unwrap();
    for names in [vec!["b", "a"], vec!["b"], vec!["b", "b", "a"], vec![]] {
        let wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let request = RandomRequest {
            projection: Some(wanted.into()),
            ..request(0)
        };
        let found = input.read(request).unwrap().next().unwrap().unwrap();
        assert_eq!(found.num_rows(), 10, "{names:?}");
        let schema = found.schema();
        let columns: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(columns, names);
    }
    for (request, words) in [
        (
            RandomRequest {
                projection: Some(vec!["c".to_owned()].into()),
                ..request(0)
            },
            "column",
        ),
        (request(7), "record batch"),
    ] {
        let error = input.read(request).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.report().contains(words), "{}", error.report());
    }
}

#[test]
fn streams_give_the_columns_that_are_asked_for() {
    let bytes = write_stream(Codec::Uncompressed, &[numbers(3)]).unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("b", DataType::LargeUtf8, true),
        Field::new("new", DataType::Date32, true),
        Field::new("a", DataType::Int32, true),
    ]));
    let found = read(&stream(), &stream_request(&schema), &bytes, 64).unwrap();
    assert_eq!(found.rows.num_rows(), 3);
    assert_eq!(found.rows.column(1).null_count(), 3);
    let schema = Arc::new(Schema::new(vec![Field::new("b", DataType::Int64, true)]));
    let error = read(&stream(), &stream_request(&schema), &bytes, 64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn dictionaries_are_read_and_written_as_values() {
    let batches = [words(1, 10), words(2, 0), words(3, 20)];
    let expected: Vec<_> = batches.iter().flat_map(plain).collect();
    for bytes in [
        write_file(Codec::Zstd, &batches).unwrap(),
        write_file(Codec::Uncompressed, &batches).unwrap(),
    ] {
        let found = read_all(&*open(bytes).unwrap()).unwrap();
        assert_eq!(found.column(0).data_type(), &DataType::Utf8);
        assert_eq!(plain(&found), expected);
    }

    // Written by others: a new dictionary for each batch, or additions to it.
    for handling in [DictionaryHandling::Resend, DictionaryHandling::Delta] {
        let options = IpcWriteOptions::default().with_dictionary_handling(handling);
        let schema = batches[0].schema();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        for block in [1, 10_000] {
            let found = read(&stream(), &stream_request(&schema), &bytes, block).unwrap();
            assert_eq!(plain(&found.rows), expected);
        }
    }
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batches[0]).unwrap();
    writer.write(&batches[0]).unwrap();
    writer.finish().unwrap();
    let input = open(Bytes::from(writer.into_inner().unwrap())).unwrap();
    assert_eq!(input.units().schema, schema);
    let found = read_all(&*input).unwrap();
    assert_eq!(
        plain(&found),
        [plain(&batches[0]), plain(&batches[0])].concat()
    );
}

#[test]
fn others_read_what_is_written() {
    for codec in CODECS {
        let rows = data::rows(&kinds(), 50, 3).unwrap();
        let batches = [rows.clone(), rows.slice(0, 7)];
        let (schema, expected) = all_of(&batches);
        let file = std::io::Cursor::new(write_file(codec, &batches).unwrap());
        let file = FileReader::try_new(file, None).unwrap();
        let found: Vec<_> = file.map(std::result::Result::unwrap).collect();
        assert_eq!(concat_batches(&schema, &found).unwrap(), expected);
        let bytes = write_stream(codec, &batches).unwrap();
        let found = StreamReader::try_new(&bytes[..], None).unwrap();
        let found: Vec<_> = found.map(std::result::Result::unwrap).collect();
        assert_eq!(concat_batches(&schema, &found).unwrap(), expected);
        // Nothing but the schema, and the mark of the end.
        let nothing = [rows.slice(0, 0)];
        let input = open(write_file(codec, &nothing).unwrap()).unwrap();
        assert_eq!(read_all(&*input).unwrap().num_rows(), 0);
        let bytes = write_stream(codec, &nothing).unwrap();
        assert_eq!(bytes.len() % 8, 0);
        let found = read(&stream(), &stream_request(&schema), &bytes, 100).unwrap();
        assert_eq!(found.rows.num_rows(), 0);
    }
}

#[test]
fn buffers_are_aligned_to_64_bytes() {
    let file = write_file(Codec::Uncompressed, &[numbers(100), numbers(5)]).unwrap();
    let tail = file.len() - 10;
    let length = i32::from_le_bytes(file[tail..tail + 4].try_into().unwrap()) as usize;
    let footer = arrow_ipc::root_as_footer(&file[tail - length..tail]).unwrap();
    let blocks = footer.recordBatches().unwrap();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert_eq!(block.offset() % 64, 0);
        assert_eq!(block.metaDataLength() % 64, 0);
        assert_eq!(block.bodyLength() % 64, 0);
    }
}

#[test]
fn chunks_are_cut_at_a_good_size() {
    let rows = numbers(40_000);
    let output = ArrowStreamOutput::new(&WriteOptions::default()).unwrap();
    let mut chunks = output.chunks(&rows.schema()).unwrap();
    chunks.write(&rows).unwrap();
    assert!(!chunks.is_full() && chunks.rows() == 40_000 && chunks.memory() > 0);
    chunks.write(&rows).unwrap();
    assert!(chunks.is_full());
    let chunk = chunks.finish().unwrap();
    assert_eq!((chunk.rows, chunks.rows(), chunks.memory()), (80_000, 0, 0));
    let bytes = write_stream(Codec::Uncompressed, &[rows.clone(), rows.clone()]).unwrap();
    let request = DecodeRequest {
        batch_rows: 8_192,
        ..stream_request(&rows.schema())
    };
    let found = read(&stream(), &request, &bytes, 1 << 16).unwrap();
    let (at, records): (Vec<u64>, Vec<usize>) = found.marks.into_iter().unzip();
    assert_eq!(records.last(), Some(&80_000));
    // A message is consumed with its last row.
    assert!(at[3] < at[4] && at[0] == at[3]);
    assert!(!stream().starts_anywhere());
}

#[test]
fn types_that_are_not_carried_are_refused_by_name() {
    let item = |kind| Arc::new(Field::new("item", kind, true));
    let union = UnionFields::try_new([0], [Field::new("a", DataType::Int32, true)]).unwrap();
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
    for kind in [
        DataType::Null,
        DataType::Union(union, UnionMode::Dense),
        DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            item(DataType::Utf8),
        ),
        DataType::ListView(item(DataType::Utf8)),
        DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::FixedSizeBinary(0),
        DataType::FixedSizeList(item(DataType::Int8), 0),
        DataType::Struct(Fields::empty()),
        DataType::List(item(DataType::Null)),
        dictionary(DataType::List(item(DataType::Int8))),
    ] {
        let schema = Arc::new(Schema::new(vec![Field::new("odd", kind.clone(), true)]));
        let output = ArrowFileOutput::new(&WriteOptions::default()).unwrap();
        let error = output.check(&schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{kind}");
        assert!(error.report().contains("odd"), "{}", error.report());
        let mut writer = FileWriter::try_new(Vec::new(), &schema).unwrap();
        writer.finish().unwrap();
        let error = open(Bytes::from(writer.into_inner().unwrap()))
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{kind}");
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        writer.finish().unwrap();
        let bytes = writer.into_inner().unwrap();
        let error = stream().prologue(&bytes, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{kind}");
    }
}

#[test]
fn options_say_how_buffers_are_compressed() {
    let refused = |change: fn(&mut WriteOptions)| {
        let mut options = WriteOptions::default();
        change(&mut options);
        let error = ArrowFileOutput::new(&options).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(ArrowStreamOutput::new(&options).is_err());
    };
    refused(|options| options.codec.codec = Some(Codec::Snappy));
    refused(|options| options.common.compression = Some(Compression::Gzip));
    refused(|options| options.common.compression_level = Some(3));
    refused(|options| {
        options.codec.codec = Some(Codec::Zstd);
        options.common.compression = Some(Compression::None);
    });
    let rows = numbers(1000);
    let sizes = CODECS.map(|codec| {
        write_file(codec, std::slice::from_ref(&rows))
            .unwrap()
            .len()
    });
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    let mut options = ReadOptions::default();
    options.common.compression = Some(Compression::Gzip);
    assert_eq!(
        ArrowFile::new(&options).err().unwrap().kind(),
        ErrorKind::Config
    );
}

#[test]
fn several_streams_must_agree() {
    let first = write_stream(Codec::Uncompressed, &[numbers(1)]).unwrap();
    let other: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let other = RecordBatch::try_from_iter([("a", other.clone()), ("b", other)]).unwrap();
    let other = write_stream(Codec::Uncompressed, &[other]).unwrap();
    let prologue = stream().prologue(&first, true).unwrap().unwrap();
    let mut inference = stream().infer(&prologue);
    assert_eq!(inference.update(&first[..20], false).unwrap(), 0);
    inference.update(&first, true).unwrap();
    inference.update(&first[3..], true).unwrap();
    inference.update(&other, true).unwrap();
    assert!(
        inference
            .finish()
            .unwrap_err()
            .report()
            .contains("another type")
    );
}
