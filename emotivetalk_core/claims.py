"""Who does which piece of work, among any number of processes on any number of machines that see one folder: which film
is prepared, which job of a list is made.

A claim is a file that only one can make. Its owner touches it while it works; where it has not been touched for long,
or its process is gone from this machine, the next one makes a claim of a higher number and takes over. Should both go
on all the same, they write the same.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError

SILENT_SECONDS = 180.0
"""A claim that was not touched for so long is nobody's. No two pictures of a film take a tenth of it; work that may
rest longer between two steps is kept `alive`.
"""
_TOUCH_SECONDS = 5.0


class Claim:
    """On one piece of work, held by this process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._touched = time.monotonic()

    def touch(self) -> None:
        """Say that the work goes on; may be called at every picture."""
        if time.monotonic() - self._touched > _TOUCH_SECONDS:
            self._touched = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self._file)

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """Say so by a thread of its own, which ends with the process however that ends."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(_TOUCH_SECONDS):
                with contextlib.suppress(OSError):
                    os.utime(self._file)

        heart = threading.Thread(target=beat, name="claim", daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()


@contextlib.contextmanager
def claimed(folder: Path, key: str) -> Iterator[Claim | None]:
    """The claim on the work of that key, which is a part of a file's name; None where another process has it. It is
    given up at the end, whatever happened.
    """
    file = _taken(folder, key)
    try:
        yield None if file is None else Claim(file)
    finally:
        if file is not None:
            clear(folder, key)


def clear(folder: Path, key: str) -> None:
    """Remove what claims there are on a piece of work: on one that is done they say nothing more, and a process that
    was killed after its last stroke leaves one.
    """
    for each in _claims(folder, key):
        each.unlink(missing_ok=True)


def _taken(folder: Path, key: str) -> Path | None:
    claims = _claims(folder, key)
    if claims and _alive(claims[-1]):
        return None
    number = int(claims[-1].suffix[1:]) + 1 if claims else 0
    file = folder / f"{key}.claim.{number}"
    try:
        return file if _made(file) else None
    except OSError as error:
        raise OutputError(f"{file} cannot be written ({error.strerror}); make room or choose another place.") from error


def _made(file: Path) -> bool:
    """Whether the claim could be made, which another one has then not. It appears with its owner in it: of one that
    says nobody, left by a process that was killed as it wrote, nobody could tell that it is nobody's.
    """
    owner = json.dumps({"host": socket.gethostname(), "process": os.getpid()})
    part = file.with_name(f".claim-{socket.gethostname()}-{os.getpid()}")
    part.write_text(owner, encoding="utf-8")
    try:
        os.link(part, file)
    except FileExistsError:
        return False
    except OSError:  # a disk that knows no links, such as a stick
        try:
            with open(file, "x", encoding="utf-8") as made:
                made.write(owner)
        except FileExistsError:
            return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _claims(folder: Path, key: str) -> list[Path]:
    return sorted(folder.glob(f"{key}.claim.*"), key=lambda file: int(file.suffix[1:]))


def _alive(file: Path) -> bool:
    """Whether the claim's owner still works. What cannot be told is taken for work under way."""
    try:
        if _now(file.parent) - file.stat().st_mtime > SILENT_SECONDS:
            return False
        owner = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return file.exists()
    if owner.get("host") != socket.gethostname() or os.name != "posix":
        return True
    try:
        os.kill(int(owner["process"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _now(folder: Path) -> float:
    """By the clock that stamps the folder's files, which may be another machine's."""
    probe = folder / f".clock-{socket.gethostname()}-{os.getpid()}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
