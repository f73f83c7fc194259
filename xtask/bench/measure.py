"""Runs one command and prints what it cost as JSON.

    measure.py CPUS FILE|- COMMAND [ARGUMENT...]

The command runs on the first CPUS processors; FILE is flushed to the disk afterwards, within the
time measured, for a tool that does not do so itself. Peak memory is that of the process alone, as the
kernel counted it; this interpreter's own few MiB are its lower bound.
"""

import json
import os
import sys
import time


def main():
    cpus, unflushed, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])
    # What the run before left to be written must not be paid by this one.
    os.sync()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    if unflushed != "-" and status == 0:
        with open(unflushed, "rb") as written:
            os.fsync(written.fileno())
    wall = time.perf_counter() - start
    print(json.dumps({
        "exit": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "mib": usage.ru_maxrss / 1024,
    }))


main()
