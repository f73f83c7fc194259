"""Files that others write: each entry yields a name, a path and the rows that stand in it."""

import datetime
import io
import json
from decimal import Decimal

import base64

import duckdb
import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq

import tables

# pyarrow's names of the compressions of whole files, and the endings by which velo knows them.
WHOLE = {None: "", "gzip": ".gz", "bz2": ".bz2", "lz4": ".lz4", "zstd": ".zst", "xz": ".xz"}


def database(table):
    """A connection of DuckDB that knows the table as `t`."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("t", table)
    return connection


def parquet(root):
    """Every codec, dictionaries on and off, both versions of pages."""
    flat = (tables.numbers, tables.texts, tables.times)
    full = tables.several(*flat, tables.rarer, tables.nested, tables.maps)
    for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        for dictionary in (True, False):
            for version in ("1.0", "2.0"):
                path = root / f"pyarrow-{codec}-{dictionary}-{version}.parquet"
                pq.write_table(
                    full,
                    path,
                    compression=codec,
                    use_dictionary=dictionary,
                    data_page_version=version,
                    # Many pages and row groups, though there are few rows.
                    data_page_size=256,
                    row_group_size=70,
                )
                yield "pyarrow", f"{codec}, dictionary {dictionary}, pages {version}", path
    connection = database(tables.without(full, "float16", "decimal76", "length"))
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"):
        for version in ("V1", "V2"):
            path = root / f"duckdb-{codec}-{version}.parquet"
            options = f"FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version}"
            connection.execute(f"COPY t TO '{path}' ({options})")
            yield "DuckDB", f"{codec}, version {version}", path
    frame = pl.from_arrow(tables.without(full, "decimal76", "map"))
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"):
        path = root / f"polars-{codec}.parquet"
        frame.write_parquet(path, compression=codec, row_group_size=70, data_page_size=256)
        yield "Polars", codec, path


def arrow(root):
    """Files and streams, with each codec of buffers."""
    flat = (tables.numbers, tables.texts, tables.times)
    full = tables.several(*flat, tables.rarer, tables.nested, tables.maps)
    frame = pl.from_arrow(tables.without(full, "decimal76", "map"))
    for codec in (None, "lz4", "zstd"):
        options = pa.ipc.IpcWriteOptions(compression=codec)
        for ending, create in (("arrow", pa.ipc.new_file), ("arrows", pa.ipc.new_stream)):
            path = root / f"pyarrow-{codec}.{ending}"
            with create(str(path), full.schema, options=options) as writer:
                writer.write_table(full, max_chunksize=70)
            yield "pyarrow", str(codec), path
        for ending in ("arrow", "arrows"):
            path = root / f"polars-{codec}.{ending}"
            write = frame.write_ipc if ending == "arrow" else frame.write_ipc_stream
            write(path, compression=codec or "uncompressed", compat_level=pl.CompatLevel.oldest())
            yield "Polars", str(codec), path


def compressed(path, content):
    """The same text as a whole file in each compression."""
    for codec, ending in WHOLE.items():
        whole = path.with_name(path.name + ending)
        if codec == "xz":
            import lzma

            whole.write_bytes(lzma.compress(content))
        elif codec is None:
            whole.write_bytes(content)
        else:
            with pa.CompressedOutputStream(str(whole), codec) as stream:
                stream.write(content)
        yield codec or "plain", whole


def csv_table():
    """What has one spelling in text: bytes have as many as there are libraries."""
    return tables.without(tables.several(tables.numbers, tables.texts, tables.times), "blob")


def csv(root):
    table = csv_table()
    text = io.BytesIO()
    pyarrow.csv.write_csv(table, text)
    for codec, path in compressed(root / "pyarrow.csv", text.getvalue()):
        yield "pyarrow", codec, path
    frame = pl.from_arrow(table)
    own = frame.write_csv().encode()
    for codec, path in compressed(root / "polars.csv", own):
        yield "Polars", codec, path
    connection = database(table)
    for codec, ending in (("none", ""), ("gzip", ".gz"), ("zstd", ".zst")):
        path = root / f"duckdb.csv{ending}"
        connection.execute(f"COPY t TO '{path}' (FORMAT csv, COMPRESSION {codec})")
        yield "DuckDB", codec, path


def jsonl_table():
    """JSON of others has its numbers as doubles beyond 64 bits, so decimals are left out."""
    table = tables.several(tables.numbers, tables.texts, tables.times, tables.nested)
    return tables.without(table, "blob", "decimal38", "decimal9")


def jsonl(root):
    table = jsonl_table()
    lines = "".join(json.dumps(row, default=spelled) + "\n" for row in table.to_pylist())
    for codec, path in compressed(root / "python.jsonl", lines.encode()):
        yield "Python", codec, path
    array = json.dumps(table.to_pylist(), default=spelled, indent=1).encode()
    for codec, path in compressed(root / "python-array.json", array):
        yield "Python", f"array, {codec}", path
    own = pl.from_arrow(table).write_ndjson().encode()
    for codec, path in compressed(root / "polars.jsonl", own):
        yield "Polars", codec, path
    connection = database(table)
    for codec, ending in (("none", ""), ("gzip", ".gz"), ("zstd", ".zst")):
        path = root / f"duckdb.jsonl{ending}"
        connection.execute(f"COPY t TO '{path}' (FORMAT json, COMPRESSION {codec})")
        yield "DuckDB", codec, path
    path = root / "duckdb-array.json"
    connection.execute(f"COPY t TO '{path}' (FORMAT json, ARRAY true)")
    yield "DuckDB", "array", path


def spelled(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(str(type(value)))


AVRO = {
    "bool": "boolean",
    "int32": "int",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "decimal9": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    "decimal38": {"type": "fixed", "name": "d", "size": 16, "logicalType": "decimal",
                  "precision": 38, "scale": 10},
    "text": "string",
    "blob": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "long", "logicalType": "time-micros"},
    "moment_us": {"type": "long", "logicalType": "local-timestamp-micros"},
    "zoned_us": {"type": "long", "logicalType": "timestamp-micros"},
    "list": {"type": "array", "items": ["null", "long"]},
    "map": {"type": "map", "values": "long"},
    "struct": {"type": "record", "name": "point", "fields": [
        {"name": "x", "type": ["null", "int"]},
        {"name": "tags", "type": ["null", {"type": "array", "items": ["null", "string"]}]},
    ]},
}


def avro_table():
    groups = (tables.numbers, tables.texts, tables.times, tables.nested, tables.maps)
    return tables.several(*groups).select(list(AVRO))


# The columns that Polars has an Avro type for.
POLARS_AVRO = ["bool", "int32", "int64", "float32", "float64", "text", "blob", "date", "list"]


def avro(root):
    table = avro_table()
    fields = [{"name": name, "type": ["null", kind]} for name, kind in AVRO.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})
    rows = table.to_pylist(maps_as_pydicts="strict")
    for codec in ("null", "deflate", "snappy", "zstandard", "bzip2", "xz"):
        path = root / f"fastavro-{codec}.avro"
        with path.open("wb") as file:
            fastavro.writer(file, schema, rows, codec=codec, sync_interval=2000)
        yield "fastavro", codec, path

    frame = pl.from_arrow(table.select(POLARS_AVRO))
    for codec in ("uncompressed", "snappy", "deflate"):
        path = root / f"polars-{codec}.avro"
        frame.write_avro(path, compression=codec)
        yield "Polars", codec, path
