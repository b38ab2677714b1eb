"""Seconds from the command `talk` to its first bar, beside those of torch's import alone: docs/benchmarks.md is made
with it.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/time_start.py --times 5

Each in a fresh process, in turn; of the processor and by the clock. The film is not waited for. Linux alone.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from emotivetalk_core.cli.demo import ASSETS

BAR = b"%|"
"""What tqdm writes between a bar's share and its blocks."""


def seconds_of(process: int) -> float:
    """What a process has had of the processor so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def to_first_bar(folder: str) -> tuple[float, float]:
    """Of the processor, and by the clock, until the bundled portrait's film has its first bar."""
    command = [sys.executable, "-m", "emotivetalk_core", "talk", "--portrait", str(ASSETS / "portrait.png")]
    command += ["--audio", str(ASSETS / "speech.wav"), "--out", f"{folder}/film.mp4", "--no-resume", "--device", "cpu"]
    began, said = time.monotonic(), b""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stderr is not None
        while BAR not in said:
            more = process.stderr.read(4096)
            if not more:
                raise SystemExit(f"talk ended without a bar: {said.decode(errors='replace')}")
            said += more
        spent = seconds_of(process.pid), time.monotonic() - began
        process.kill()
    return spent


def of_import() -> tuple[float, float]:
    """Of the processor, and by the clock, of a Python that imports torch and ends."""
    began = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", "import torch, os; os._exit(0)"], os.environ)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit("torch cannot be imported")
    return used.ru_utime + used.ru_stime, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        both = [(to_first_bar(folder), of_import()) for _ in range(arguments.times + 1)][1:]  # the first one warms up
    for name, found in zip(("talk to its first bar", "import torch"), zip(*both, strict=True), strict=True):
        spent, clock = zip(*found, strict=True)
        told = " ".join(f"{value:.2f}" for value in sorted(spent))
        print(f"{name}: {statistics.median(spent):.2f} processor s ({told}), {statistics.median(clock):.2f} s by clock")


if __name__ == "__main__":
    main()
