"""Makes the files beside it: python3 -m venv v && v/bin/pip install fastavro==1.13.1 cramjam backports.zstd polars==2.1.0; v/bin/python make.py"""

import datetime
import decimal
import os
import uuid

import fastavro
import polars

HERE = os.path.dirname(os.path.abspath(__file__))
UTC = datetime.timezone.utc


def path(name):
    return os.path.join(HERE, name)


def write(name, schema, records, **options):
    with open(path(name), "wb") as out:
        fastavro.writer(out, schema, records, sync_marker=b"0123456789abcdef", **options)


small = {
    "type": "record",
    "name": "small",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
    ],
}
rows = [{"id": n, "name": None if n % 7 == 3 else f"name {n} é"} for n in range(1000)]
for codec in ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"]:
    write(f"{codec}.avro", small, rows, codec=codec, sync_interval=4000)


def field(name, kind):
    return {"name": name, "type": kind}


types = {
    "type": "record",
    "name": "all",
    "namespace": "velo.test",
    "fields": [
        field("nothing", "null"),
        field("flag", "boolean"),
        field("int", "int"),
        field("long", "long"),
        field("float", "float"),
        field("double", "double"),
        field("bytes", "bytes"),
        field("string", ["string", "null"]),
        field("fixed", {"type": "fixed", "name": "four", "size": 4}),
        field("again", ["null", "four"]),
        field("enum", {"type": "enum", "name": "suit", "symbols": ["hearts", "spades"]}),
        field("array", {"type": "array", "items": ["null", "int"]}),
        field("map", {"type": "map", "values": "long"}),
        field(
            "record",
            ["null", {"type": "record", "name": "point", "fields": [field("x", "int"), field("suit", "suit")]}],
        ),
        field("union", ["null", "string", "long", "point"]),
        field("short", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}),
        field(
            "wide",
            {"type": "fixed", "name": "wide", "size": 20, "logicalType": "decimal", "precision": 45, "scale": 5},
        ),
        field("uuid", {"type": "string", "logicalType": "uuid"}),
        field("uuid16", {"type": "fixed", "name": "u16", "size": 16, "logicalType": "uuid"}),
        field("date", {"type": "int", "logicalType": "date"}),
        field("time_ms", {"type": "int", "logicalType": "time-millis"}),
        field("time_us", {"type": "long", "logicalType": "time-micros"}),
        field("ts_ms", {"type": "long", "logicalType": "timestamp-millis"}),
        field("ts_us", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
        field("local_us", {"type": "long", "logicalType": "local-timestamp-micros"}),
        field("duration", {"type": "fixed", "name": "span", "size": 12, "logicalType": "duration"}),
        field("unknown", {"type": "int", "logicalType": "some-day"}),
    ],
}
when = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
one = {
    "nothing": None,
    "flag": True,
    "int": -(2**31),
    "long": 2**63 - 1,
    "float": 0.5,
    "double": -1e300,
    "bytes": b"\x00\xff",
    "string": "Zürich 東京",
    "fixed": b"\x01\x02\x03\x04",
    "again": b"abcd",
    "enum": "spades",
    "array": [1, None, -3],
    "map": {"a": 1, "b": -2},
    "record": {"x": 7, "suit": "hearts"},
    "union": 42,
    "short": decimal.Decimal("-12345678.90"),
    "wide": decimal.Decimal("1234567890123456789012345678901234567890.12345"),
    "uuid": uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"),
    "uuid16": bytes.fromhex("00112233445566778899aabbccddeeff"),
    "date": when.date(),
    "time_ms": when.time(),
    "time_us": when.time(),
    "ts_ms": when.replace(tzinfo=UTC),
    "ts_us": when.replace(tzinfo=UTC),
    "local_us": when,
    "duration": bytes([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]),
    "unknown": 5,
}
two = {
    **one,
    "flag": False,
    "string": None,
    "again": None,
    "enum": "hearts",
    "array": [],
    "map": {},
    "record": None,
    "union": None,
    "short": decimal.Decimal("0.01"),
    "wide": decimal.Decimal("-0.00001"),
    "ts_us": None,
}
three = {**two, "union": "text"}
four = {**two, "union": {"x": 1, "suit": "spades"}}
write("types.avro", types, [one, two, three, four])
write("values.avro", {"type": "array", "items": "int"}, [[1, 2], [], [3]])

frame = polars.DataFrame(
    {
        "id": range(100),
        "name": [None if n % 7 == 3 else f"name {n}" for n in range(100)],
        "price": [n / 4 for n in range(100)],
        "day": [datetime.date(2024, 1, 1) + datetime.timedelta(n) for n in range(100)],
        "tags": [["a"] * (n % 3) for n in range(100)],
    }
)
frame.write_avro(path("polars.avro"), compression="deflate")
