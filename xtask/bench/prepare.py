"""Makes the other files of the benchmark from lineitem.parquet: prepare.py DIRECTORY.

`quoted.csv` is lineitem with quotes around every field. `measurements` has the shape of the One
Billion Row Challenge, `wide` 500 columns, `events` the nesting of GitHub's public events; they are
made of numbers that depend on the row alone, so they are the same every time.
"""

import pathlib
import subprocess
import sys

import duckdb
import polars

directory = pathlib.Path(sys.argv[1])
source = directory / "lineitem.parquet"


def make(name, write):
    """Makes a file under another name first, so that an interrupted run leaves no half of it."""
    path = directory / name
    if not path.exists():
        part = directory / f"part-{name}"
        write(part)
        part.rename(path)


def copy(options, table="lineitem"):
    path = directory / f"{table}.parquet"
    return lambda part: duckdb.execute(f"COPY (FROM '{path}') TO '{part}' ({options})")


def query(select):
    return lambda part: duckdb.execute(f"COPY ({select}) TO '{part}' (FORMAT parquet)")


def gzip(path):
    with open(path, "wb") as out:
        subprocess.run(["gzip", "-c", "-n", directory / "lineitem.csv"], stdout=out, check=True)


def avro(path):
    doubles = polars.col(polars.Decimal).cast(polars.Float64)
    polars.read_parquet(source).with_columns(doubles).write_avro(path, compression="snappy")


make("lineitem.csv", copy("FORMAT csv, HEADER"))
make("lineitem.jsonl", copy("FORMAT json"))
make("lineitem.csv.gz", gzip)
make("lineitem.avro", avro)
make("quoted.csv", copy("FORMAT csv, HEADER, FORCE_QUOTE *"))

rows = duckdb.execute(f"SELECT count(*) FROM '{source}'").fetchone()[0]

MEASUREMENTS = f"""
SELECT 'Station ' || (hash(i) % 413) AS column_0,
       ((hash(i + 1) % 1998)::BIGINT - 999) / 10.0 AS column_1
FROM range({rows * 6}) AS rows(i)
"""
make("measurements.parquet", query(MEASUREMENTS))
make("measurements.csv", copy("FORMAT csv, HEADER false, DELIMITER ';'", "measurements"))

KINDS = [
    "(hash(i * 500 + {n}) % 100000)::BIGINT",
    "(hash(i * 500 + {n}) % 1000000) / 100.0",
    "'value ' || (hash(i * 500 + {n}) % 1000)",
    "DATE '2020-01-01' + (hash(i * 500 + {n}) % 2000)::INTEGER",
]
columns = ", ".join(KINDS[n % 4].format(n=n) + f" AS column_{n}" for n in range(500))
make("wide.parquet", query(f"SELECT {columns} FROM range({rows // 40}) AS rows(i)"))
make("wide.csv", copy("FORMAT csv, HEADER", "wide"))

EVENTS = f"""
SELECT (20000000000 + i)::VARCHAR AS id,
       ['PushEvent', 'WatchEvent', 'IssuesEvent', 'ForkEvent'][(1 + hash(i) % 4)::INTEGER] AS type,
       {{'id': (hash(i) % 90000000)::BIGINT, 'login': 'user' || (hash(i) % 50000),
         'display_login': 'User' || (hash(i) % 50000), 'gravatar_id': '',
         'url': 'https://api.example.com/users/user' || (hash(i) % 50000)}} AS actor,
       {{'id': (hash(i + 7) % 700000000)::BIGINT, 'name': 'owner/repo' || (hash(i + 7) % 90000),
         'url': 'https://api.example.com/repos/owner/repo' || (hash(i + 7) % 90000)}} AS repo,
       {{'push_id': (9000000000 + i)::BIGINT, 'size': (1 + i % 3)::BIGINT,
         'ref': 'refs/heads/main', 'head': md5(i::VARCHAR),
         'commits': list_transform(range(1 + i % 3), lambda c: {{
             'sha': md5((i * 3 + c)::VARCHAR),
             'author': {{'email': 'dev' || (hash(i) % 9000) || '@example.com',
                         'name': 'Dev \\"' || (hash(i) % 9000) || '\\" Élan'}},
             'message': 'Fix number ' || (i * 3 + c) || ': say what is wrong, and where\\n',
             'distinct': (i + c) % 5 <> 0,
             'url': 'https://api.example.com/commits/' || md5((i * 3 + c)::VARCHAR)}})}} AS payload,
       i % 11 <> 0 AS public,
       TIMESTAMP '2024-01-01 00:00:00' + to_seconds(i // 20) AS created_at
FROM range({rows // 5}) AS rows(i)
"""
make("events.parquet", query(EVENTS))
make("events.jsonl", copy("FORMAT json, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ'", "events"))
