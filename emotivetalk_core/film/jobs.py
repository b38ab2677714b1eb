"""A list of films, made by any number of processes on any number of machines that see one folder: each is claimed once,
what is finished is left alone, and one table says what became of every one.

What became of a job is a file of its own, which the process that holds its claim writes; the table is gathered from
them, so it is whole whoever writes it.
"""

import csv
import hashlib
import io
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..claims import claimed, clear
from ..errors import OutputError

DONE, THERE, FAILED, WAITING = "done", "there", "failed", "waiting"
"""What became of a job: made by these processes, there before, failed, or neither yet."""

COLUMNS = ("job", "status", "seconds", "message")


@dataclass(frozen=True)
class FilmJob:
    """name: of the film as the list has it; no two jobs share one · out: where it is written."""

    name: str
    out: Path

    @property
    def key(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class FilmOutcome:
    """seconds: that it took, None where nothing was done · message: a fault, or what there is to say of the film · by:
    who made it and when, which tells two attempts apart.
    """

    status: str
    seconds: float | None = None
    message: str = ""
    by: str = ""


class Board:
    """What became of the jobs of a list: NAME.jobs beside it holds their records and claims, NAME.results.csv is the
    table. OutputError where the folder cannot be made.
    """

    def __init__(self, list_file: Path, jobs: Sequence[FilmJob]) -> None:
        self.jobs = jobs
        self.folder, self.table = list_file.with_suffix(".jobs"), list_file.with_suffix(".results.csv")
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be made ({error.strerror}); put the list where a folder can be written."
            ) from error

    def outcome(self, job: FilmJob) -> FilmOutcome:
        kept = self.record(job)
        if job.out.exists():
            return kept if kept is not None and kept.status == DONE else FilmOutcome(THERE)
        return kept if kept is not None and kept.status == FAILED else FilmOutcome(WAITING)

    def record(self, job: FilmJob) -> FilmOutcome | None:
        """What the last attempt left; None where there was none."""
        try:
            return FilmOutcome(**json.loads(self._file(job).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # none, or none that can be read
            return None

    def keep(self, job: FilmJob, outcome: FilmOutcome) -> None:
        """OutputError where it cannot be written."""
        record = self._file(job)
        try:
            _replace(record, json.dumps(asdict(outcome)))
        except OSError as error:
            raise OutputError(f"{record} cannot be written ({error.strerror}); make room.") from error

    def write_table(self) -> bool:
        """Whether the table stands as it should: a program that shows it may be holding it."""
        while True:
            written = self._rows()
            try:
                _replace(self.table, written)
            except OSError:
                return False
            if self._rows() == written:  # else another process kept something meanwhile, and may have been overwritten
                return True

    def _rows(self) -> str:
        rows = io.StringIO(newline="")
        table = csv.writer(rows)
        table.writerow(COLUMNS)
        for job in self.jobs:
            outcome = self.outcome(job)
            seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
            table.writerow((job.name, outcome.status, seconds, outcome.message))
        return rows.getvalue()

    def _file(self, job: FilmJob) -> Path:
        return self.folder / f"{job.key}.json"


def work_through(board: Board, make: Callable[[FilmJob], str], explain: Callable[[FilmJob, Exception], str]) -> None:
    """Make every film that is neither there nor in the hands of another process; failed ones of before are tried anew.

    make: writes the film, and returns what there is to say of it · explain: the sentence for what it raised; the others
    go on all the same.
    """
    before = {job: board.record(job) for job in board.jobs if not job.out.exists()}
    board.write_table()
    for job in board.jobs:
        if job not in before:
            clear(board.folder, job.key)

    def is_open(job: FilmJob) -> bool:
        """Where there is another record than before, it was tried by now, here or elsewhere."""
        return not job.out.exists() and board.record(job) == before[job]

    worked = True
    while worked:  # once more, for what a process that died meanwhile had in its hands
        worked = False
        for job in before:
            if not is_open(job):
                continue
            with claimed(board.folder, job.key) as claim:
                if claim is None or not is_open(job):
                    continue
                with claim.alive():
                    board.keep(job, _attempt(job, make, explain))
            worked = True
            board.write_table()


def _attempt(job: FilmJob, make: Callable[[FilmJob], str], explain: Callable[[FilmJob, Exception], str]) -> FilmOutcome:
    began, by = time.monotonic(), f"{socket.gethostname()} {os.getpid()} {time.time_ns()}"
    try:
        status, message = DONE, make(job)
    except Exception as error:
        status, message = FAILED, explain(job, error)
    return FilmOutcome(status, time.monotonic() - began, message, by)


def _replace(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.{socket.gethostname()}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
