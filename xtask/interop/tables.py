"""The rows that are handed around: every type that a library has, with nulls and extremes."""

import datetime
from decimal import Decimal

import pyarrow as pa

UTC = datetime.timezone.utc
DAY = datetime.date
MOMENT = datetime.datetime
NAN = float("nan")
INFINITY = float("inf")


def column(kind, *values):
    return pa.array([*values, None], kind)


def numbers():
    """Booleans, integers, floats, decimals; three values of each and a null."""
    out = {"bool": column(pa.bool_(), True, False, True)}
    for bits in (8, 16, 32, 64):
        least, greatest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        out[f"int{bits}"] = column(getattr(pa, f"int{bits}")(), least, 0, greatest)
        out[f"uint{bits}"] = column(getattr(pa, f"uint{bits}")(), 0, 1, 2**bits - 1)
    out["float32"] = column(pa.float32(), -0.0, 3.4028234663852886e38, 0.1)
    out["float64"] = column(pa.float64(), 5e-324, 1.7976931348623157e308, 0.1)
    out["decimal9"] = column(pa.decimal128(9, 2), Decimal("-1234567.89"), Decimal("0.01"), 7)
    out["decimal38"] = column(pa.decimal128(38, 10), Decimal("9" * 28 + "." + "9" * 10), 0, -1)
    return out


def texts():
    """Text and bytes: empty, of one to four bytes a character, with what formats quote."""
    return {
        "text": column(pa.string(), "", 'a "quoted", text;\tand\nlines', "äß漢字🦀"),
        "blob": column(pa.binary(), b"\x00\xff", b"plain", bytes(range(256))),
    }


def times():
    """Dates, times of day, timestamps without and with a zone."""
    moments = [MOMENT(1969, 12, 31, 23, 59, 59, 999999), MOMENT(2262, 4, 11), MOMENT(1900, 1, 1)]
    zoned = [moment.replace(tzinfo=UTC) for moment in moments]
    return {
        "date": column(pa.date32(), DAY(1, 1, 1), DAY(2024, 2, 29), DAY(9999, 12, 31)),
        "time": column(pa.time64("us"), datetime.time(), datetime.time(23, 59, 59, 999999), None),
        "moment_us": column(pa.timestamp("us"), *moments),
        "zoned_us": column(pa.timestamp("us", "UTC"), *zoned),
    }


def rarer():
    """What only Arrow and Parquet have, or have in more than one layout."""
    nanosecond = pa.array([1, -1, 2**62, None], pa.int64())
    return {
        "float16": pa.array([1.5, -0.0, 65504.0, None], pa.float16()),
        "nan": column(pa.float64(), NAN, INFINITY, -INFINITY),
        "decimal76": column(pa.decimal256(76, 5), Decimal("9" * 71 + ".12345"), 0, -1),
        "large_text": column(pa.large_string(), "a", "", "漢"),
        "large_blob": column(pa.large_binary(), b"a", b"", b"\xff"),
        "fixed": column(pa.binary(4), b"abcd", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"),
        "category": column(pa.string(), "red", "blue", "red").dictionary_encode(),
        "date64": pa.array([0, 86_400_000, -86_400_000, None], pa.date64()),
        "time_ms": pa.array([0, 86_399_999, 1, None], pa.time32("ms")),
        "time_ns": nanosecond_time(),
        "moment_ms": pa.array([-1, 0, 2**40, None], pa.timestamp("ms")),
        "moment_ns": nanosecond.cast(pa.timestamp("ns")),
        "zoned_ns": nanosecond.cast(pa.timestamp("ns", "Europe/Berlin")),
        "length": pa.array([-1, 0, 2**50, None], pa.duration("us")),
    }


def nanosecond_time():
    return pa.array([0, 86_399_999_999_999, 1, None], pa.time64("ns"))


def nested():
    """Lists, structs and maps, each empty, null, and holding nulls."""
    point = pa.struct([("x", pa.int32()), ("tags", pa.list_(pa.string()))])
    points = [{"x": 1, "tags": ["a", None]}, {"x": None, "tags": []}, {"x": -1, "tags": None}]
    return {
        "list": column(pa.list_(pa.int64()), [1, None, 3], [], [2**63 - 1]),
        "lists": column(pa.list_(pa.list_(pa.string())), [["a"], [], None], [], [["", "ä"]]),
        "struct": column(point, *points),
        "structs": column(pa.list_(point), points, [], [points[0], None]),
    }


def maps():
    kind = pa.map_(pa.string(), pa.int64())
    return {"map": column(kind, [("a", 1), ("b", 2)], [], [("ä", -1)])}


def several(*groups):
    """One table of some of these groups; its rows stand often enough for dictionaries and runs."""
    columns = {}
    for group in groups:
        columns.update(group())
    table = pa.table(columns)
    return pa.concat_tables([table] * 50).combine_chunks()


def without(table, *names):
    return table.drop_columns([name for name in names if name in table.column_names])
