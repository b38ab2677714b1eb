"""Films that are not prepared yet, claimed one after another, by one process or several."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..claims import Claim, claimed, clear
from ..processes import end_with_parent
from . import records
from .contact_sheet import write_contact_sheet
from .film import prepare_film
from .lists import ListedFilm
from .networks import NOTHING, Given, Tools, load_tools
from .records import Row
from .settings import PrepareSettings
from .unfinished import Unfinished

_POLL_SECONDS = 1.0
_TELL_SECONDS = 0.5


def prepare(
    films: Sequence[ListedFilm],
    folder: Path,
    settings: PrepareSettings,
    *,
    workers: int = 1,
    given: Given = NOTHING,
    on_progress: Callable[[float, int, float], None] | None = None,
) -> list[Row]:
    """Make clips of those films that the folder has none of yet, and return all rows of its table. What was killed goes
    on: a film of more than some minutes in its middle.

    workers: processes of this call; more calls, on other machines too, share the work · given: networks beside
    those that come along · on_progress(share of all bytes, films done, seconds of film done); it may raise to
    cancel. `records.begin` comes first. Raises OutputError, WeightsError.
    """
    progress = _Progress(films, folder, on_progress)
    progress()
    if workers == 1:
        _work(films, folder, settings, given, progress)
    else:
        _work_together(films, folder, settings, given, workers, progress)
    progress()
    rows = records.gather(folder, settings)
    write_contact_sheet(folder / records.SHEET, folder, rows)
    return rows


class _Progress:
    """Tells how much is done, by the films' bytes: how long each film is, only its end says. A record is read once."""

    def __init__(
        self, films: Sequence[ListedFilm], folder: Path, on_progress: Callable[[float, int, float], None] | None
    ) -> None:
        self._open = {film.key: film for film in films}
        self._sizes = {film.key: max(0, records.bytes_of(film)) for film in films}
        self._folder, self._tell = folder, on_progress
        self._size, self._count, self._seconds, self._told = 0, 0, 0.0, 0.0

    def __call__(self, at_work: ListedFilm | None = None, share: float = 0.0) -> None:
        """share: of a film that is at work; then told twice a second at most."""
        if self._tell is None or (at_work is not None and time.monotonic() - self._told < _TELL_SECONDS):
            return
        for key, film in list(self._open.items()):
            seconds = records.seconds_of(self._folder, film)
            if seconds is not None:
                del self._open[key]
                self._size, self._count, self._seconds = (
                    self._size + self._sizes[key],
                    self._count + 1,
                    self._seconds + seconds,
                )
        under_way = 0.0 if at_work is None else min(1.0, share) * self._sizes[at_work.key]
        self._told = time.monotonic()
        self._tell((self._size + under_way) / max(1, sum(self._sizes.values())), self._count, self._seconds)


def _work(
    films: Sequence[ListedFilm], folder: Path, settings: PrepareSettings, given: Given, progress: _Progress | None
) -> None:
    tools: Tools | None = None
    for film in films:
        if records.seconds_of(folder, film) is not None:
            clear(folder / records.FILMS, film.key)
            Unfinished.forget(folder, film)
            continue
        with claimed(folder / records.FILMS, film.key) as claim:
            if claim is None or records.seconds_of(folder, film) is not None:
                continue
            tools = tools or load_tools(given, settings.size)

            def on_picture(share: float, film: ListedFilm = film, claim: Claim = claim) -> None:
                claim.touch()
                if progress is not None:
                    progress(film, share)

            prepare_film(film, folder, settings, tools, on_picture)
        if progress is not None:
            progress()


def _work_alone(films: Sequence[ListedFilm], folder: Path, settings: PrepareSettings, given: Given) -> None:
    end_with_parent()
    torch.set_num_threads(1)
    try:
        _work(films, folder, settings, given, None)
    except KeyboardInterrupt:
        pass


def _work_together(
    films: Sequence[ListedFilm],
    folder: Path,
    settings: PrepareSettings,
    given: Given,
    workers: int,
    progress: _Progress,
) -> None:
    context = multiprocessing.get_context("spawn")
    crew = [context.Process(target=_work_alone, args=(films, folder, settings, given)) for _ in range(workers)]
    try:
        for worker in crew:
            worker.start()
        while any(worker.is_alive() for worker in crew):
            time.sleep(_POLL_SECONDS)
            progress()
    finally:
        for worker in crew:
            if worker.is_alive():
                worker.terminate()
        for worker in crew:
            worker.join()
