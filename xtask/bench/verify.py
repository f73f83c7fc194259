"""Compares outputs with the original table: verify.py ORIGINAL OUTPUT...

Every column of every output is read as the original's type; row counts and a checksum per
column, which does not depend on the order of the rows, must be equal. Prints the Parquet types
that differ from the original's, for information.
"""

import sys

import duckdb


def relation(path, types):
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    if path.endswith(".parquet"):
        return f"read_parquet('{path}')"
    if path.endswith(".csv"):
        return f"read_csv('{path}', header = true, columns = {{{columns}}})"
    return f"read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"


def types_of(path):
    rows = duckdb.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
    return {row[0]: row[1] for row in rows}


def checksums(path, types):
    sums = ", ".join(
        f'sum(hash(CAST("{name}" AS {kind}))::HUGEINT)' for name, kind in types.items()
    )
    row = duckdb.execute(f"SELECT count(*), {sums} FROM {relation(path, types)}").fetchone()
    return dict(zip(["rows", *types], row))


def main():
    duckdb.execute("SET TimeZone = 'UTC'")
    original, *outputs = sys.argv[1:]
    types = types_of(original)
    expected = checksums(original, types)
    wrong = False
    for path in outputs:
        if path.endswith(".parquet"):
            own = types_of(path)
            other = [f"{name} {kind}" for name, kind in own.items() if types.get(name) != kind]
            print(f"{path}: types other than the original's: {', '.join(other) or 'none'}")
        found = checksums(path, types)
        differing = [name for name, value in found.items() if value != expected[name]]
        if differing:
            wrong = True
            print(f"{path}: differs in {', '.join(differing)}", file=sys.stderr)
    sys.exit(wrong)


main()
