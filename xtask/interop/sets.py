"""The public test sets over a local copy: sets.py VELO OUTPUT SETS.

SETS holds copies of parquet-testing, arrow-testing, JSONTestSuite and csv-spectrum. Every file is
copied by velo with a time limit. What pyarrow reads too must have the same rows. Ends with 1 when
a file crashes velo, takes too long, is read wrongly, or is refused or read without a known reason.
"""

import collections
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

import compare
from known import SET_DIFFERENCES
from velo import Velo


class Report:
    """Counts by set and outcome, and what must be explained."""

    def __init__(self, sets):
        self.sets = sets
        self.counts = collections.defaultdict(collections.Counter)
        self.open = []
        self.known = collections.Counter()

    def add(self, name, path, outcome, message, good):
        """One file: `good` says whether reading it is right (None: either is)."""
        self.counts[name][outcome] += 1
        as_it_should = {True: outcome == "read", False: outcome == "refused", None: True}[good]
        if outcome in ("crash", "timeout", "differs") or not as_it_should:
            self.explain(name, str(path.relative_to(self.sets)), outcome, message)

    def explain(self, name, path, outcome, message):
        for part, expected, reason in SET_DIFFERENCES:
            if part in path and expected == outcome:
                self.known[(name, outcome, reason)] += 1
                return
        self.open.append(f"{outcome} {path}: {message[:300]}")

    def print(self):
        print("| set | files | read | refused | differs | crash | timeout |")
        print("|---|---|---|---|---|---|---|")
        for name, counts in self.counts.items():
            outcomes = [counts[o] for o in ("read", "refused", "differs", "crash", "timeout")]
            print(f"| {name} | {sum(outcomes)} | {' | '.join(map(str, outcomes))} |")
        for (name, outcome, reason), count in sorted(self.known.items()):
            print(f"- {name}, {count} {outcome}: {reason}")
        for line in self.open:
            print(f"OPEN {line}")


def copied(velo, path, form, good):
    """Copies to JSON lines and to Arrow, whose rows are compared with what pyarrow reads.

    JSON has no NaN, no times beyond the day and no two fields of one name, so that the file is
    read when either copy is made; but neither may crash.
    """
    source = f"{path}?format={form}"
    outcome, message = velo.copy(source, velo.output / "out.jsonl")
    if outcome in ("crash", "timeout"):
        return outcome, message
    arrow = velo.output / "out.arrow"
    outcome, message = velo.copy(source, arrow)
    wanted = of_pyarrow(path, form) if outcome == "read" and good else None
    if wanted is None:
        return outcome, message
    with pa.OSFile(str(arrow)) as file:
        found = pa.ipc.open_file(file).read_all()
        different = compare.differences(wanted, found)
    return ("differs", "; ".join(different)) if different else ("read", "")


def of_pyarrow(path, form):
    """The same file read by pyarrow; `None` where it cannot."""
    try:
        if form == "parquet":
            return pq.ParquetFile(path).read()
        if form == "arrow":
            return pa.ipc.open_file(str(path)).read_all()
        if form == "arrow_stream":
            return pa.ipc.open_stream(str(path)).read_all()
    except (pa.ArrowException, OSError, ValueError):
        pass
    return None


def tree(velo, report, name, directory, pattern, form, good):
    paths = [path for path in sorted(directory.rglob(pattern)) if path.is_file()]
    for path in paths:
        if path.name == "README.md" or path.suffix == ".gz":
            continue
        outcome, message = copied(velo, path, form, good)
        report.add(name, path, outcome, message, good)


def parquet_testing(velo, report, root):
    for folder in ("data", "variant", "shredded_variant"):
        tree(velo, report, f"parquet-testing/{folder}", root / folder, "*.parquet", "parquet", True)
    name = "parquet-testing, encrypted"
    tree(velo, report, name, root / "data", "*.encrypted", "parquet", False)
    name = "parquet-testing/bad_data"
    tree(velo, report, name, root / "bad_data", "*.parquet", "parquet", False)


def arrow_testing(velo, report, root):
    data = root / "data"
    tree(velo, report, "arrow-testing/avro", data / "avro", "*.avro", "avro", True)
    stream = data / "arrow-ipc-stream/integration"
    for pattern, form in (("*.arrow_file", "arrow"), ("*.stream", "arrow_stream")):
        tree(velo, report, "arrow-testing, integration", stream, pattern, form, True)
    fuzzed = [
        ("arrow-ipc-file", "*-fuzz-*", "arrow"),
        ("arrow-ipc-stream", "*-fuzz-*", "arrow_stream"),
        ("arrow-ipc-stream", "crash-*", "arrow_stream"),
        ("parquet/fuzzing", "*", "parquet"),
        ("parquet/encoding-fuzzing", "*", "parquet"),
        ("csv/fuzzing", "*", "csv"),
    ]
    for folder, pattern, form in fuzzed:
        for path in sorted((data / folder).rglob(pattern)):
            if path.is_file():
                outcome, message = copied(velo, path, form, False)
                report.add(f"arrow-testing, fuzzed {form}", path, outcome, message, None)
    for path in sorted((data / "csv").glob("*.csv*")):
        outcome, message = copied(velo, path, "csv", True)
        report.add("arrow-testing/csv", path, outcome, message, True)
    tree(velo, report, "arrow-testing/parquet", data / "parquet", "*.parquet", "parquet", True)


def json_test_suite(velo, report, root):
    """Each text as it stands, and as a value: of a line, and of an element of an array.

    As it stands, a text that is no object, or no array of objects, is refused even when it is
    good JSON: there only the bad ones count.
    """
    wrapped = velo.output / "wrapped.json"
    for path in sorted((root / "test_parsing").glob("*.json")):
        good = {"y": True, "n": False, "i": None}[path.name[0]]
        text = path.read_bytes()
        for form, name in (("jsonl", "JSON lines"), ("json_array", "JSON array")):
            bad = False if good is False else None
            outcome, message = velo.copy(f"{path}?format={form}", velo.output / "out.jsonl")
            report.add(f"JSONTestSuite, {name}, as it stands", path, outcome, message, bad)
            if form == "jsonl":
                if b"\n" in text.strip():
                    continue
                wrapped.write_bytes(b'{"value":' + text.strip() + b"}\n")
            else:
                wrapped.write_bytes(b'[{"value":' + text + b"}]")
            outcome, message = velo.copy(f"{wrapped}?format={form}", velo.output / "out.jsonl")
            report.add(f"JSONTestSuite, {name}, as a value", path, outcome, message, good)


def csv_spectrum(velo, report, root):
    out = velo.output / "out.jsonl"
    for path in sorted((root / "csvs").glob("*.csv")):
        text = (root / "json" / f"{path.stem}.json").read_bytes().decode(errors="replace")
        wanted = json.loads(text, strict=False)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        outcome, message = velo.copy(f"{path}?infer=off&invalid_bytes=replace", out)
        if outcome == "read":
            lines = out.read_text().splitlines()
            found = [json.loads(line) for line in lines]
            if found != wanted:
                outcome, message = "differs", f"{found} instead of {wanted}"
        report.add("csv-spectrum", path, outcome, message, True)


def main():
    binary, output, sets = sys.argv[1:]
    sets = Path(sets).resolve()
    velo = Velo(binary, output)
    report = Report(sets)
    of = {
        "parquet-testing": parquet_testing,
        "arrow-testing": arrow_testing,
        "JSONTestSuite": json_test_suite,
        "csv-spectrum": csv_spectrum,
    }
    present = [name for name in of if (sets / name).is_dir()]
    if not present:
        sys.exit(f"{sets} holds none of {', '.join(of)}")
    for name in present:
        of[name](velo, report, sets / name)
    report.print()
    sys.exit(bool(report.open))


main()
