"""Films shared by processes: one works on each, and what a dead one left is taken up."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emotivetalk_core.claims import SILENT_SECONDS, claimed
from emotivetalk_core.preparing.records import people_held_out


def test_a_film_is_claimed_once(tmp_path: Path) -> None:
    with claimed(tmp_path, "film") as mine:
        assert mine is not None
        with claimed(tmp_path, "film") as second, claimed(tmp_path, "other") as other:
            assert second is None and other is not None
    assert list(tmp_path.iterdir()) == []
    with claimed(tmp_path, "film") as again:
        assert again is not None


def leave_claim(folder: Path, host: str, process: int, age: float = 0.0) -> None:
    file = folder / "film.claim.0"
    file.write_text(json.dumps({"host": host, "process": process}))
    os.utime(file, (time.time() - age,) * 2)


def test_what_a_dead_process_claimed_is_taken_over(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for host, process, age, taken in (
        (socket.gethostname(), dead.pid, 0, True),
        (socket.gethostname(), os.getpid(), 0, False),
        ("elsewhere", dead.pid, 0, False),  # a process of another machine's
        ("elsewhere", dead.pid, SILENT_SECONDS + 10, True),
        (socket.gethostname(), os.getpid(), SILENT_SECONDS + 10, True),  # it hangs, or its number was given again
    ):
        leave_claim(tmp_path, host, process, age)
        with claimed(tmp_path, "film") as claim:
            assert (claim is not None) is taken, (host, process, age)
        for left in tmp_path.iterdir():
            left.unlink()


def test_a_process_killed_as_it_claims_leaves_no_claim_that_says_nobody(tmp_path: Path, monkeypatch) -> None:
    """It would be taken for work under way, and its film left out."""
    link = os.link

    def killed(source, target) -> None:
        assert json.loads(Path(source).read_text())["process"] == os.getpid()  # whole before it has its name
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed)
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path, "film"):
        pass
    monkeypatch.setattr(os, "link", link)
    with claimed(tmp_path, "film") as claim:
        assert claim is not None
        assert [file.name for file in tmp_path.iterdir()] == ["film.claim.0"]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_links_is_shared_too(tmp_path: Path, monkeypatch) -> None:
    def unknown(source, target) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    with claimed(tmp_path, "film") as mine, claimed(tmp_path, "film") as another:
        assert mine is not None and another is None
        assert json.loads((tmp_path / "film.claim.0").read_text())["process"] == os.getpid()


def test_nobody_changes_sides_when_people_are_added() -> None:
    some, more = [f"p{at}" for at in range(200)], [f"p{at}" for at in range(400)]
    out = people_held_out(more, 0.1)
    assert 25 < len(out) < 55
    assert people_held_out(some, 0.1) == out & set(some)
    assert people_held_out([next(iter(out))], 0.1) == set()  # somebody has to be learnt from
