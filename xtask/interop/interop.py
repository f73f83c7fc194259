"""Files made by others, and others reading ours: interop.py VELO OUTPUT.

pyarrow, DuckDB, Polars, fastavro and Python's own modules write small tables, which velo copies to
Parquet and to JSON lines; then velo writes every format with every codec, and they read it. Rows
must be those of the original. Prints a table; ends with 1 when something differs without a known
reason.
"""

import collections
import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

import compare
import foreign
import own
from known import DIFFERENCES
from velo import Velo


class Report:
    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)
        self.known = collections.Counter()
        self.open = []

    def add(self, direction, form, program, detail, different):
        """One combination: what differs, in words; each must be known."""
        left = []
        for difference in different:
            name = f"{direction} {form}, {program}, {detail}: {difference}"
            reasons = [reason for parts, reason in DIFFERENCES if all(p in name for p in parts)]
            if reasons:
                self.known[(direction, form, program, reasons[0])] += 1
            else:
                left.append(name)
        self.open += left
        outcome = "differs" if left else "known" if different else "ok"
        self.counts[(direction, form, program)][outcome] += 1

    def print(self):
        print("| direction | format | program | combinations | same rows | known differences | differs |")
        print("|---|---|---|---|---|---|---|")
        for key, counts in self.counts.items():
            figures = [sum(counts.values()), *(counts[o] for o in ("ok", "known", "differs"))]
            print(f"| {' | '.join([*key, *map(str, figures)])} |")
        for (direction, form, program, reason), count in sorted(self.known.items()):
            print(f"- {direction} {form}, {program}, {count} columns: {reason}")
        for line in self.open:
            print(f"OPEN {line}")


def original(form, path):
    """What stands in a file of others: as pyarrow reads it, else what was handed over."""
    if form == "parquet":
        return pq.ParquetFile(path).read()
    if path.suffix == ".arrow":
        return pa.ipc.open_file(str(path)).read_all()
    if path.suffix == ".arrows":
        return pa.ipc.open_stream(str(path)).read_all()
    return {"csv": foreign.csv_table, "jsonl": foreign.jsonl_table}[form]()


def read_by_velo(velo, path, wanted, text):
    """Copies to Parquet and to JSON lines, and compares both."""
    different = []
    parquet = velo.output / "out.parquet"
    outcome, message = velo.copy(path, parquet)
    if outcome == "read":
        found = pq.ParquetFile(parquet).read()
        different += compare.differences(wanted, found, text)
    else:
        different.append(f"to parquet {outcome}: {message}")
    # JSON has no NaN.
    wanted = wanted.select([name for name in wanted.column_names if name != "nan"])
    lines = velo.output / "out.jsonl"
    columns = ",".join(wanted.column_names)
    outcome, message = velo.run("copy", "-q", "--columns", columns, str(path), str(lines))
    if outcome == "read":
        with lines.open() as file:
            rows = [json.loads(line, parse_float=Decimal) for line in file]
        different += [f"jsonl {d}" for d in compare.differences(wanted, rows, True)]
    else:
        different.append(f"to jsonl {outcome}: {message}")
    return different


def foreign_files(velo, report, root):
    makers = {
        "parquet": foreign.parquet,
        "arrow": foreign.arrow,
        "csv": foreign.csv,
        "jsonl": foreign.jsonl,
        "avro": foreign.avro,
    }
    for form, make in makers.items():
        for program, detail, path in make(root):
            if form == "avro":
                wanted = foreign.avro_table()
                wanted = wanted.select(foreign.POLARS_AVRO) if program == "Polars" else wanted
            else:
                wanted = original(form, path)
            different = read_by_velo(velo, path, wanted, form in ("csv", "jsonl"))
            report.add("read", form, program, detail, different)


def own_files(velo, report, root):
    for form, detail, name, table in own.files():
        source = root / "original.parquet"
        pq.write_table(table, source)
        uri = root / name
        outcome, message = velo.copy(source, uri)
        if outcome != "read":
            report.add("written", form, "velo", detail, [f"{outcome}: {message}"])
            continue
        path = root / name.partition("?")[0]
        for program, read in own.READERS[form].items():
            wanted = own.held(form, program, table)
            if wanted is None:
                continue
            try:
                found = read(path, wanted.column_names)
                different = compare.differences(wanted, found, form in ("csv", "jsonl", "json_array"))
            except BaseException as error:  # Whatever a library raises is its answer; Polars panics.
                different = [f"{type(error).__name__}: {str(error).splitlines()[0]}"[:300]]
            report.add("written", form, program, detail, different)


def main():
    binary, output = sys.argv[1:]
    root = Path(output) / "files"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    velo = Velo(binary, output)
    report = Report()
    foreign_files(velo, report, root)
    own_files(velo, report, root)
    report.print()
    sys.exit(bool(report.open))


main()
