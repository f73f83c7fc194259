"""Rows of two tables as plain values, so that equal rows are equal whoever made them.

Times are counted in nanoseconds and dates in days, whatever the unit of the column; dictionaries
are their values; a map is its pairs. What a text format has lost is read back as the type that
the original has.
"""

import base64
import datetime
import math
import struct
from decimal import Decimal

import pyarrow as pa

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
EPOCH = datetime.datetime(1970, 1, 1)


def differences(wanted, found, text=False):
    """What differs from a table, in a few words; an empty list when nothing does.

    `found` is a table, or a list of rows as dictionaries. With `text` its values may be the
    spellings of those wanted.
    """
    if isinstance(found, pa.Table):
        names, columns, rows = found.column_names, found.columns, found.num_rows
    else:
        names, rows = wanted.column_names, len(found)
        columns = [[row.get(name) for row in found] for name in names]
    if wanted.column_names != names:
        missing = set(wanted.column_names) ^ set(names)
        return [f"columns {sorted(missing) or 'in another order'}"]
    if wanted.num_rows != rows:
        return [f"{rows} rows instead of {wanted.num_rows}"]
    pairs = zip(wanted.schema, wanted.columns, columns)
    found = (of_column(field, one, other, text) for field, one, other in pairs)
    return [difference for difference in found if difference]


def of_column(field, wanted, found, text):
    """The first row in which a column differs."""
    for row, (one, other) in enumerate(zip(wanted, found)):
        one, other = plain(one), plain(other)
        try:
            one, other = coerced(one, field.type, text), coerced(other, field.type, text)
        except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
            return f"{field.name}[{row}]: {type(error).__name__} {error}"[:200]
        if one != other:
            return f"{field.name}[{row}]: {other!r} instead of {one!r}"[:200]
    return None


def plain(value):
    """A scalar of pyarrow, or a value of Python, without what depends on units and layouts."""
    if isinstance(value, pa.ExtensionScalar):
        return plain(value.value)
    if not isinstance(value, pa.Scalar):
        return of_python(value)
    if not value.is_valid:
        return None
    kind = value.type
    if pa.types.is_dictionary(kind):
        return plain(value.as_py() if value.value is None else value.value)
    if pa.types.is_timestamp(kind):
        return ("timestamp", value.value * NANOSECONDS[kind.unit])
    if pa.types.is_time(kind):
        return ("time", value.value * NANOSECONDS[kind.unit])
    if pa.types.is_duration(kind):
        return ("duration", value.value * NANOSECONDS[kind.unit])
    if pa.types.is_date32(kind):
        return ("date", value.value)
    if pa.types.is_date64(kind):
        return ("date", value.value // 86_400_000)
    if pa.types.is_map(kind):
        return [(plain(pair["key"]), plain(pair["value"])) for pair in map_pairs(value)]
    if pa.types.is_nested(kind) and not pa.types.is_struct(kind):
        return [plain(item) for item in value.values]
    if pa.types.is_struct(kind):
        return {name: plain(value[i]) for i, name in enumerate(field.name for field in kind)}
    return of_python(value.as_py())


def map_pairs(value):
    names = [field.name for field in value.values.type]
    for pair in value.values:
        yield {"key": pair[names[0]], "value": pair[names[1]]}


def of_python(value):
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return ("timestamp", whole(value - EPOCH))
    if isinstance(value, datetime.date):
        return ("date", (value - EPOCH.date()).days)
    if isinstance(value, datetime.time):
        return ("time", whole(datetime.datetime.combine(EPOCH.date(), value) - EPOCH))
    if isinstance(value, datetime.timedelta):
        return ("duration", whole(value))
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and not tagged(value):
        return [plain(item) for item in value]
    return value


def tagged(value):
    return isinstance(value, tuple) and value and value[0] in ("timestamp", "date", "time", "duration")


def whole(delta):
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def coerced(value, kind, text):
    """A plain value as the original's type has it."""
    if value is None:
        return None
    if pa.types.is_dictionary(kind):
        return coerced(value, kind.value_type, text)
    if pa.types.is_map(kind):
        return pairs(value, kind, text)
    if pa.types.is_nested(kind) and not pa.types.is_struct(kind):
        return [coerced(item, kind.value_type, text) for item in value]
    if pa.types.is_struct(kind):
        # A text format that leaves out a null field has not lost it.
        return {field.name: coerced(value.get(field.name), field.type, text) for field in kind}
    if pa.types.is_floating(kind):
        return number(value, kind)
    if pa.types.is_decimal(kind):
        return Decimal(repr(value) if isinstance(value, float) else value)
    if pa.types.is_integer(kind) and not isinstance(value, bool):
        return int(Decimal(value) if text else value)
    if pa.types.is_boolean(kind) and text and isinstance(value, str):
        return {"true": True, "false": False}[value]
    if pa.types.is_temporal(kind):
        return moment(value, kind, text)
    if is_binary(kind) and text and isinstance(value, str):
        return base64.b64decode(value)
    return value


def is_binary(kind):
    views = pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind)
    return views or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def pairs(value, kind, text):
    if isinstance(value, dict):
        value = [(name, item) for name, item in value.items()]
    elif value and isinstance(value[0], dict):
        value = [tuple(pair.values()) for pair in value]
    out = [(coerced(k, kind.key_type, text), coerced(v, kind.item_type, text)) for k, v in value]
    # Read as a struct, a map of text has every key of every row.
    return sorted(pair for pair in out if pair[1] is not None) if text else out


def number(value, kind):
    value = float(value)
    if math.isnan(value):
        return "NaN"
    formats = {16: "e", 32: "f", 64: "d"}
    return struct.pack(formats[kind.bit_width], value)


def moment(value, kind, text):
    """A tagged time: a date as the midnight that a format without dates makes of it."""
    if isinstance(value, str) and text:
        value = parsed(value, kind)
    if not tagged(value):
        raise TypeError(f"{value!r} is not a {kind}")
    if pa.types.is_timestamp(kind) and value[0] == "date":
        return ("timestamp", value[1] * DAY)
    if pa.types.is_date(kind) and value[0] == "timestamp":
        return ("date", value[1] // DAY)
    return value


def parsed(value, kind):
    """Reads the spelling of a date, a time, a timestamp or a duration."""
    if pa.types.is_time(kind):
        base, _, fraction = value.partition(".")
        hours, minutes, seconds = (int(part) for part in base.split(":"))
        nanoseconds = int(fraction.ljust(9, "0")) if fraction else 0
        return ("time", ((hours * 60 + minutes) * 60 + seconds) * 10**9 + nanoseconds)
    if pa.types.is_duration(kind):
        return ("duration", spelled_length(value))
    if pa.types.is_date(kind):
        return of_python(datetime.date.fromisoformat(value))
    base, _, fraction = value.replace("Z", "").partition(".")
    nanoseconds = int(fraction.ljust(9, "0")) if fraction else 0
    return ("timestamp", of_python(datetime.datetime.fromisoformat(base))[1] + nanoseconds)


def spelled_length(value):
    """ISO 8601: `-PT1H2M3.5S`, with days in front of the T."""
    sign, _, body = value.partition("P")
    days, _, rest = body.partition("T")
    seconds = Decimal(days[:-1] or 0) * 86_400
    for unit, factor in (("H", 3600), ("M", 60), ("S", 1)):
        if unit in rest:
            amount, _, rest = rest.partition(unit)
            seconds += Decimal(amount) * factor
    return int(seconds * 10**9) * (-1 if sign == "-" else 1)
