"""Running velo: one process for each file, with a time limit."""

import subprocess
from pathlib import Path


class Velo:
    """The binary, and the directory that it writes to."""

    def __init__(self, binary, output, seconds=180):
        self.binary = binary
        self.output = Path(output)
        self.seconds = seconds

    def copy(self, source, destination):
        """How copying ended, as `(outcome, last line of its errors)`; a destination is replaced."""
        return self.run("copy", "--quiet", str(source), str(destination))

    def run(self, *arguments):
        try:
            done = subprocess.run(
                [self.binary, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.seconds,
            )
        except subprocess.TimeoutExpired:
            return "timeout", f"over {self.seconds} s"
        errors = done.stderr.decode(errors="replace").strip().splitlines()
        message = errors[0] if errors else ""
        if done.returncode == 0:
            return "read", done.stdout.decode(errors="replace")
        if done.returncode < 0 or done.returncode == 101:
            return "crash", f"exit {done.returncode}: {message}"
        return "refused", message
