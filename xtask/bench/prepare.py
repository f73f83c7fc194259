"""Makes the text files of the benchmark from its Parquet file: prepare.py DIRECTORY."""

import pathlib
import subprocess
import sys

import duckdb

directory = pathlib.Path(sys.argv[1])
source = directory / "lineitem.parquet"


def make(name, write):
    """Makes a file under another name first, so that an interrupted run leaves no half of it."""
    path = directory / name
    if not path.exists():
        part = directory / f"part-{name}"
        write(part)
        part.rename(path)


def copy(options):
    return lambda path: duckdb.execute(f"COPY (FROM '{source}') TO '{path}' ({options})")


def gzip(path):
    with open(path, "wb") as out:
        subprocess.run(["gzip", "-c", "-n", directory / "lineitem.csv"], stdout=out, check=True)


make("lineitem.csv", copy("FORMAT csv, HEADER"))
make("lineitem.jsonl", copy("FORMAT json"))
make("lineitem.csv.gz", gzip)
