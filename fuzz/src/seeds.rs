//! Small sound inputs of every format, which fuzzing starts from: seeds DIRECTORY.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use velo_format::compression::Compressor;
use velo_format::{Compression, Format, WriteOptions};

type Failure = Box<dyn std::error::Error>;

const FORMATS: [(Format, &str); 8] = [
    (Format::Csv, "csv"),
    (Format::Jsonl, "jsonl"),
    (Format::JsonArray, "json_array"),
    (Format::Text, "text"),
    (Format::Avro, "avro"),
    (Format::Arrow, "arrow"),
    (Format::ArrowStream, "arrow_stream"),
    (Format::Parquet, "parquet"),
];

const URIS: [&str; 6] = [
    "kafka://a:9092,b:9092/topic?group_id=g",
    "postgresql://user:secret@[::1]:5432/db?table=a",
    "file:///data/%C3%A9/*.csv?delimiter=%2C",
    "data/**/{a,b}.parquet",
    "stdin:?format=csv",
    "s3://bucket/key?region=eu-central-1#x",
];

const SPELLINGS: [&str; 5] = [
    "id:int64,price:decimal(10,2),note:text",
    "list(struct(a:timestamp(us,UTC),b:map(text,int8)))",
    "a > 5 and (b = 'x' or c is not null)",
    "not d in (1, 2.5, 'it''s')",
    "fixed_binary(16)",
];

const CONFIGURATIONS: [&str; 5] = [
    "name: p\nsource: in/*.jsonl\nsink: out/?format=parquet\ndelivery: effectively_once\n",
    "name: p\nsource: a\nsink: { type: file, path: 'o/${x}/', format: csv }\n\
     data_sources:\n  a: { type: test, kind: order, rows: 5 }\n",
    "profiles:\n  prod: { threads: 2, retry: { first: 1s, jitter: 0.5 } }\nname: p\nsource: a.csv\nsink: b.csv\n",
    "name: p\nsource: 'a://u:${PASSWORD}@h/t?x=${A:1}'\nsink: \"b\"\nmetadata: &m { a: [1, ~, 2.5] }\n",
    "name: p\nsources: { a: x, b: { uri: y, header: true } }\nsinks: { c: z }\n\
     transform: [{ select: [a] }, { set: { b: '${a}' } }]\ncheckpoint: { store: s, every: 5s }\n",
];

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    let corpus = std::env::args().nth(1).ok_or("expected a directory")?;
    let corpus = Path::new(&corpus);
    let put = |target: &str, name: usize, bytes: &[u8]| -> std::io::Result<()> {
        std::fs::create_dir_all(corpus.join(target))?;
        std::fs::write(corpus.join(target).join(format!("seed-{name}")), bytes)
    };
    for (format, name) in FORMATS {
        for (at, rows) in [mixed()?, texts()?].into_iter().enumerate() {
            // Not every format holds every type.
            if let Ok(bytes) = write(format, &rows) {
                put(name, at, &bytes)?;
            }
        }
    }
    // ORC is not written, so that its samples are the tests'.
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../velo-format/tests/data/orc");
    for (at, sample) in std::fs::read_dir(samples)?.enumerate() {
        put("orc", at, &std::fs::read(sample?.path())?)?;
    }
    for (at, uri) in URIS.iter().enumerate() {
        put("uri", at, uri.as_bytes())?;
    }
    for (at, text) in SPELLINGS.iter().enumerate() {
        put("spelling", at, text.as_bytes())?;
    }
    for (at, text) in CONFIGURATIONS.iter().enumerate() {
        put("configuration", at, text.as_bytes())?;
    }
    let compressions = [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Bzip2,
    ];
    for (at, compression) in compressions.into_iter().enumerate() {
        let mut bytes = vec![at as u8];
        bytes.extend(Compressor::new(compression, None)?.compress(b"id,name\n1,a\n2,b\n")?);
        put("compression", at, &bytes)?;
    }
    Ok(())
}

fn mixed() -> Result<RecordBatch, Failure> {
    let columns: [(&str, ArrayRef); 4] = [
        (
            "id",
            Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN)])),
        ),
        (
            "name",
            Arc::new(StringArray::from(vec![Some("a, \"b\""), Some("é\n"), None])),
        ),
        (
            "price",
            Arc::new(Float64Array::from(vec![0.5, -0.0, 1e300])),
        ),
        (
            "good",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, array)| (name, array, true)),
    )?)
}

fn texts() -> Result<RecordBatch, Failure> {
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a line", "another", "é"]));
    Ok(RecordBatch::try_from_iter([("value", values)])?)
}

fn write(format: Format, rows: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let output = format.output(&WriteOptions::default())?;
    let out = Shared::default();
    let mut chunks = output.chunks(&rows.schema())?;
    let mut file = output.file(&rows.schema(), Box::new(out.clone()))?;
    chunks.write(rows)?;
    while chunks.rows() > 0 {
        file.append(chunks.finish()?)?;
    }
    file.finish()?;
    let bytes = out.0.lock().expect("not poisoned").clone();
    Ok(bytes)
}
