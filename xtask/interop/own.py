"""Files that velo writes, and how each of the others reads them."""

import bz2
import gzip
import json
import lzma
from decimal import Decimal

import duckdb
import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq

import foreign
import tables

# Polars gives up at a schema that has a map, a decimal or a time of day.
POLARS_AVRO = [name for name in foreign.POLARS_AVRO if name != "list"]
ENDINGS = ("", ".gz", ".bz2", ".lz4", ".zst", ".xz")


def files():
    """`(format, combination, name with options, rows)` of everything that velo writes."""
    flat = (tables.numbers, tables.texts, tables.times)
    full = tables.several(*flat, tables.rarer, tables.nested, tables.maps)
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"):
        for version in (1, 2):
            for dictionary in ("on", "off"):
                options = f"codec={codec}&parquet_version={version}&dictionary={dictionary}"
                options += "&page_size=1KiB&row_group_rows=70"
                detail = f"{codec}, pages {version}, dictionary {dictionary}"
                yield "parquet", detail, f"own.parquet?{options}", full
    encodings = "int32:delta_binary_packed,float64:byte_stream_split,text:delta_byte_array"
    yield "parquet", "deltas", f"own.parquet?column_encoding={encodings}", full
    for codec in ("uncompressed", "lz4", "zstd"):
        yield "arrow", codec, f"own.arrow?codec={codec}", full
        yield "arrow_stream", codec, f"own.arrows?codec={codec}", full
    for codec in ("uncompressed", "deflate", "snappy", "zstd", "bzip2", "xz"):
        name = f"own.avro?codec={codec}&block_size=2KiB"
        yield "avro", codec, name, avro_table()
        yield "avro", f"{codec}, flat", name, tables.several(*flat).select(POLARS_AVRO)
    lists = tables.several(*flat, tables.nested, tables.maps)
    for ending in ENDINGS:
        yield "csv", ending or "plain", f"own.csv{ending}", tables.several(*flat)
        yield "jsonl", ending or "plain", f"own.jsonl{ending}", lists
        yield "json_array", ending or "plain", f"own.json{ending}?format=json_array", lists


def avro_table():
    flat = (tables.numbers, tables.texts, tables.times)
    return tables.several(*flat, tables.nested, tables.maps)


def held(form, program, table):
    """The columns that a program has types for; `None` where it cannot open such a file."""
    if (form, program) == ("avro", "Polars") and "map" in table.column_names:
        return None
    lacking = {
        ("parquet", "Polars"): ("decimal76",),
        ("parquet", "DuckDB"): ("decimal76",),
        ("arrow", "Polars"): ("decimal76",),
        ("arrow_stream", "Polars"): ("decimal76",),
    }
    return tables.without(table, *lacking.get((form, program), ()))


def selected(table, columns):
    return table.select([name for name in columns if name in table.column_names])


def database(sql):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.sql(sql).to_arrow_table()


def named(columns):
    return ", ".join(f'"{name}"' for name in columns)


def opened(path):
    """The text of a whole file, decompressed by Python or pyarrow."""
    openers = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    if path.suffix in openers:
        with openers[path.suffix](path) as file:
            return file.read()
    codec = {".lz4": "lz4", ".zst": "zstd"}.get(path.suffix)
    if codec is None:
        return path.read_bytes()
    with pa.input_stream(str(path), compression=codec) as file:
        return file.read()


def csv_pyarrow(path, columns):
    texts = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    source = pa.BufferReader(opened(path))
    return pyarrow.csv.read_csv(source, parse_options=parse, convert_options=texts)


def csv_duckdb(path, columns):
    plain = decompressed(path)
    return database(f"FROM read_csv('{plain}', header = true, all_varchar = true, allow_quoted_nulls = false)")


def decompressed(path):
    """DuckDB knows gzip and zstd; the rest comes to it as plain text."""
    if path.suffix in (".bz2", ".lz4", ".xz"):
        plain = path.with_name("plain-" + path.stem)
        plain.write_bytes(opened(path))
        return plain
    return path


def csv_polars(path, columns):
    return pl.read_csv(opened(path), infer_schema=False).to_arrow()


def json_python(path, columns):
    text = opened(path).decode()
    if text.startswith("["):
        return json.loads(text, parse_float=Decimal)
    return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]


def json_duckdb(path, columns):
    plain = decompressed(path)
    return database(f"SELECT {named(columns)} FROM read_json('{plain}', sample_size = -1)")


def json_polars(path, columns):
    text = opened(path)
    read = pl.read_json if text.startswith(b"[") else pl.read_ndjson
    return read(text, infer_schema_length=None).select(columns).to_dicts()


def parquet_duckdb(path, columns):
    return database(f"SELECT {named(columns)} FROM read_parquet('{path}')")


def avro_rows(path, columns):
    with path.open("rb") as file:
        return list(fastavro.reader(file))


JSON_READERS = {"Python": json_python, "DuckDB": json_duckdb, "Polars": json_polars}
READERS = {
    "parquet": {
        "pyarrow": lambda path, columns: pq.ParquetFile(path).read(columns),
        "DuckDB": parquet_duckdb,
        "Polars": lambda path, columns: pl.read_parquet(path, columns=columns).to_arrow(),
    },
    "arrow": {
        "pyarrow": lambda path, columns: pa.ipc.open_file(str(path)).read_all(),
        "Polars": lambda path, columns: pl.read_ipc(path, columns=columns).to_arrow(),
    },
    "arrow_stream": {
        "pyarrow": lambda path, columns: pa.ipc.open_stream(str(path)).read_all(),
        "Polars": lambda path, columns: pl.read_ipc_stream(path, columns=columns).to_arrow(),
    },
    "avro": {
        "fastavro": avro_rows,
        "Polars": lambda path, columns: pl.read_avro(path, columns=columns).to_arrow(),
    },
    "csv": {"pyarrow": csv_pyarrow, "DuckDB": csv_duckdb, "Polars": csv_polars},
    "jsonl": JSON_READERS,
    "json_array": JSON_READERS,
}
