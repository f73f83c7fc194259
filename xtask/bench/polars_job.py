"""One job by Polars: polars_job.py JOB SOURCE DESTINATION streaming|eager."""

import sys

import polars as pl

job, source, destination, mode = sys.argv[1:]
streaming = mode == "streaming"

if job == "measurements-to-parquet":
    read = pl.scan_csv if streaming else pl.read_csv
    names = ["column_0", "column_1"]
    table = read(source, separator=";", has_header=False, new_columns=names)
elif job.endswith("csv-to-parquet") or job == "csv-gz-to-parquet":
    read = pl.scan_csv if streaming else pl.read_csv
    table = read(source, try_parse_dates=True)
elif job in ("jsonl-to-parquet", "events-to-parquet"):
    read = pl.scan_ndjson if streaming else pl.read_ndjson
    table = read(source)
elif job == "avro-to-parquet":
    table = pl.read_avro(source)
else:
    read = pl.scan_parquet if streaming else pl.read_parquet
    table = read(source)

if job.endswith("-to-parquet"):
    write = table.sink_parquet if streaming else table.write_parquet
    write(destination, compression="snappy")
elif job.endswith("-to-csv"):
    (table.sink_csv if streaming else table.write_csv)(destination)
else:
    (table.sink_ndjson if streaming else table.write_ndjson)(destination)
