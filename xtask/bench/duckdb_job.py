"""One job by DuckDB: duckdb_job.py JOB SOURCE DESTINATION THREADS."""

import sys

import duckdb

job, source, destination, threads = sys.argv[1:]

CSV = f"read_csv('{source}')"
MEASUREMENTS = (
    f"read_csv('{source}', delim = ';', header = false, names = ['column_0', 'column_1'])"
)
JSONL = f"read_json('{source}', format = 'newline_delimited')"
PARQUET = f"read_parquet('{source}')"
TO_PARQUET = "(FORMAT parquet, COMPRESSION snappy)"

relation, options = {
    "csv-to-parquet": (CSV, TO_PARQUET),
    "csv-gz-to-parquet": (CSV, TO_PARQUET),
    "quoted-csv-to-parquet": (CSV, TO_PARQUET),
    "wide-csv-to-parquet": (CSV, TO_PARQUET),
    "measurements-to-parquet": (MEASUREMENTS, TO_PARQUET),
    "jsonl-to-parquet": (JSONL, TO_PARQUET),
    "events-to-parquet": (JSONL, TO_PARQUET),
    "parquet-to-csv": (PARQUET, "(FORMAT csv, HEADER)"),
    "parquet-to-jsonl": (PARQUET, "(FORMAT json)"),
}[job]

duckdb.execute(f"SET threads = {threads}")
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(f"COPY (SELECT * FROM {relation}) TO '{destination}' {options}")
