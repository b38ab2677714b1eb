"""Processes that draw a training's data, and what becomes of them when the program that started them is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("cv2")

from emotivetalk_core.recipes.shard_pool import shards_made

PROGRAM = """
import os, sys, time
from pathlib import Path

from emotivetalk_core.recipes.shard_pool import shards_made

def slow(folder, name):
    (Path(folder) / name).write_text(str(os.getpid()))
    time.sleep(60)
    return []

if __name__ == "__main__":
    folder = sys.argv[1]
    list(shards_made(slow, {name: (folder, name) for name in ("a", "b", "c", "d")}, 2))
"""


def told(name: str, more: int) -> list[str]:
    return [name] * more


@pytest.mark.parametrize("workers", [0, 1])
def test_every_shard_is_made_by_whoever_is_there(workers):
    jobs = {name: (name, number) for number, name in enumerate("abc")}
    assert dict(shards_made(told, jobs, workers)) == {"a": [], "b": ["b"], "c": ["c", "c"]}


def started(folder: str, name: str) -> list[str]:
    (Path(folder) / name).touch()
    time.sleep(0.05)
    return []


def test_a_pool_that_is_stopped_makes_no_more_than_it_has_begun(tmp_path):
    made = shards_made(started, {f"{number:03}": (str(tmp_path), f"{number:03}") for number in range(100)}, 1)
    next(made)
    made.close()
    assert 1 <= len(list(tmp_path.iterdir())) < 20


def alive(number: int) -> bool:
    """Whether a process works; one that only waits to be counted does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def within(seconds: float, true) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes there are")
def test_workers_end_with_a_program_that_is_killed(tmp_path):
    script, folder = tmp_path / "program.py", tmp_path / "started"
    script.write_text(PROGRAM)
    folder.mkdir()
    program = subprocess.Popen([sys.executable, str(script), str(folder)])
    try:
        assert within(60, lambda: len([file for file in folder.iterdir() if file.read_text()]) == 2)
        workers = [int(file.read_text()) for file in folder.iterdir()]
        assert all(map(alive, workers))
    finally:
        program.kill()
        program.wait()
    gone = within(20, lambda: not any(map(alive, workers)))
    for worker in workers:  # whatever the outcome, none is left to the machine
        if alive(worker):
            os.kill(worker, signal.SIGKILL)
    assert gone
