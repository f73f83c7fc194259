"""Makes the files beside it: python3 -m venv v && v/bin/pip install pyarrow==26.0.1; v/bin/python make.py"""

import base64
import datetime
import decimal
import json
import os
import re

import pyarrow
from pyarrow import orc

HERE = os.path.dirname(os.path.abspath(__file__))
UTC = datetime.timezone.utc


def write(name, table, **options):
    orc.write_table(table, os.path.join(HERE, name), **options)


def spell(value):
    """Spells a value as velo writes JSON lines."""
    if isinstance(value, datetime.datetime):
        zone = "Z" if value.tzinfo else ""
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f000") + zone
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return f"@{value}"
    return base64.b64encode(value).decode()


def expect(name, table):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as out:
        for row in table.to_pylist(maps_as_pydicts="strict"):
            line = json.dumps(row, default=spell, ensure_ascii=False)
            # Python has no way to spell a decimal as a number of its own.
            out.write(re.sub('"@([^"]*)"', r"\1", line) + "\n")


# Numbers in every kind of run, text as it is and text that repeats, nulls.
ROWS = 1500
small = pyarrow.table(
    {
        "id": pyarrow.array(range(ROWS), pyarrow.int64()),
        "jump": pyarrow.array([n * n * 7919 % 10007 - 5000 for n in range(ROWS)], pyarrow.int32()),
        "peak": pyarrow.array([1 << 40 if n % 97 == 5 else n % 11 for n in range(ROWS)], pyarrow.int64()),
        "name": [None if n % 7 == 3 else f"name {n} é" for n in range(ROWS)],
        "kind": [None if n % 5 == 1 else ["red", "green", ""][n % 3] for n in range(ROWS)],
        "list": pyarrow.array(
            [None if n % 11 == 4 else list(range(n % 4)) for n in range(ROWS)], pyarrow.list_(pyarrow.int16())
        ),
    }
)
for codec in ["uncompressed", "zlib", "snappy", "lz4", "zstd"]:
    write(
        f"{codec}.orc",
        small.slice(0, 300) if codec in ["uncompressed", "lz4"] else small,
        compression=codec,
        dictionary_key_size_threshold=0.5,
    )

# A stripe is cut behind a batch when whole blocks of 64 KiB were written.
numbers = pyarrow.table(
    {
        "id": pyarrow.array(range(4000), pyarrow.int64()),
        "text": [f"{n * n} {'-' * 200}" for n in range(4000)],
        "list": pyarrow.array([[n] * (n % 3) for n in range(4000)], pyarrow.list_(pyarrow.int64())),
    }
)
write("stripes.orc", numbers, compression="zstd", stripe_size=1024, batch_size=500, dictionary_key_size_threshold=0)

day = datetime.date
moment = datetime.datetime
types = pyarrow.table(
    {
        "flag": [True, None, False],
        "byte": pyarrow.array([-128, None, 127], pyarrow.int8()),
        "short": pyarrow.array([-32768, None, 32767], pyarrow.int16()),
        "int": pyarrow.array([-(2**31), None, 2**31 - 1], pyarrow.int32()),
        "long": pyarrow.array([-(2**63), None, 2**63 - 1], pyarrow.int64()),
        "float": pyarrow.array([0.5, None, -1.5], pyarrow.float32()),
        "double": [-1e300, None, 0.1],
        "text": ["", None, "naïve ☃"],
        "bytes": [b"", None, b"\x00\xff"],
        "date": [day(1, 1, 1), None, day(9999, 12, 31)],
        "local": pyarrow.array(
            [moment(1969, 12, 31, 23, 59, 59), None, moment(2024, 2, 29, 12, 30, 0, 500000)],
            pyarrow.timestamp("ns"),
        ),
        "instant": pyarrow.array(
            [moment(1700, 1, 1, tzinfo=UTC), None, moment(2024, 2, 29, 12, 30, 0, 1, tzinfo=UTC)],
            pyarrow.timestamp("ns", "UTC"),
        ),
        "small": pyarrow.array(
            [decimal.Decimal("-99999999.99"), None, decimal.Decimal("0.01")], pyarrow.decimal128(10, 2)
        ),
        "large": pyarrow.array(
            [decimal.Decimal("-" + "9" * 38), None, decimal.Decimal("1")], pyarrow.decimal128(38, 0)
        ),
        "list": pyarrow.array([[1, None, 3], None, []], pyarrow.list_(pyarrow.int64())),
        "lists": pyarrow.array([[["a"], None, []], None, [["b", None]]], pyarrow.list_(pyarrow.list_(pyarrow.string()))),
        "struct": pyarrow.array(
            [{"a": 1, "b": None}, None, {"a": None, "b": "x"}],
            pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.string())]),
        ),
        "map": pyarrow.array(
            [[("a", 1), ("b", None)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int64())
        ),
    }
)
write("types.orc", types, compression="zlib")
expect("types.jsonl", types)

either = pyarrow.UnionArray.from_dense(
    pyarrow.array([0, 1], pyarrow.int8()),
    pyarrow.array([0, 0], pyarrow.int32()),
    [pyarrow.array([1], pyarrow.int64()), pyarrow.array(["a"])],
)
write("union.orc", pyarrow.table({"id": [1, 2], "either": either}))
write("empty.orc", small.slice(0, 0))
# The nanoseconds of this are below zero in the file.
early = pyarrow.array([moment(1969, 12, 31, 23, 59, 59, 999999)], pyarrow.timestamp("ns"))
write("early.orc", pyarrow.table({"early": early}))
