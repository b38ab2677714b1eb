"""`talk --jobs`: all films of a list, with weights that are loaded once."""

import argparse
import contextlib
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ...device import pick_device
from ...direction.source import Keyword
from ...errors import InputError, OutputError
from ...film.files import as_file
from ...film.film import load_models, performer_kind, prepare_film
from ...film.jobs import FAILED, Board, FilmJob, work_through
from ...film.script import Script, read_script
from ...models.codebook import EmotionCodebook
from ...models.model_set import ModelSet
from ...models.photograph_set import PhotographSet
from ...processes import own_card
from ...video.writer import check_output
from ..direction_options import direction_of
from ..faults import sentence
from ..job_list import Line, all_lines, read_job_list
from ..performance import profiled
from ..progress import StageBars
from ..talk import request_of

_TEXTS_OR_FILES = ("timeline", "transcript", "head_pose")


def run(arguments: argparse.Namespace) -> None:
    """A list that cannot be right is refused before the first film. OutputError at the end where a film failed."""
    file: Path = arguments.jobs.absolute()
    given = _from_anywhere(arguments)
    with _inside(file.parent):
        lines = read_job_list(file, arguments.parser, given)
        scripts = _scripts(file, lines)
        device = str(own_card(pick_device(given.device)))  # started by torchrun, each makes films of its own
        models = load_models(given.weights, device) if scripts else None
        if models is not None and models.codebook is not None:
            book = models.codebook
            numbered = [(line.number, scripts[line.out]) for line in lines if line.out in scripts]
            all_lines(file, ((number, lambda one=one: _check_keywords(one, book)) for number, one in numbered))
        jobs = [FilmJob(line.out, line.options.out) for line in lines]
        board = Board(file, jobs)
        with profiled(arguments.profile):
            _make_films(board, scripts, models, given)
        counts = Counter(board.outcome(job).status for job in jobs)
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"{len(jobs)} films, {told}: {board.table}")
        if not board.write_table():
            print(f"note: {board.table} is in use, so it is not up to date; give the same command again.")
    if counts[FAILED]:
        raise OutputError(f"{counts[FAILED]} of {len(jobs)} films failed; {board.table} says why.")


def _make_films(
    board: Board, scripts: dict[str, Script], models: ModelSet | PhotographSet | None, given: argparse.Namespace
) -> None:
    order = {job.name: at for at, job in enumerate(board.jobs, 1)}

    def make(job: FilmJob) -> str:
        with StageBars(hidden=given.quiet) as bars:
            bars.tell(f"film {order[job.name]} of {len(order)}: {job.name}")
            film = prepare_film(scripts[job.name], models, bars)
            assert film is not None  # a list has no --plot-only
            film.save(job.out, together=not given.profile)
        return " ".join(bars.notes)

    def explain(job: FilmJob, error: Exception) -> str:
        said = sentence(error)
        if said is None:
            traceback.print_exception(error)  # the next films go on, but nobody could mend this one without it
            said = f"The program failed ({type(error).__name__}: {error})."
        print(f"error: {job.name}: {said}", file=sys.stderr)
        return said

    work_through(board, make, explain)


def _scripts(file: Path, lines: list[Line]) -> dict[str, Script]:
    """Of each film that is not there, by its name, with everything checked that can be before weights are loaded."""
    names: dict[Path, int] = {}

    def script_of(line: Line) -> tuple[str, Script] | None:
        before = names.setdefault(line.options.out.resolve(), line.number)
        if before != line.number:
            raise InputError(f"{line.out} is already the film of line {before}; give each a name of its own.")
        return None if line.options.out.exists() else (line.out, _script(line.options))

    made = all_lines(file, ((line.number, lambda line=line: script_of(line)) for line in lines))
    return dict(entry for entry in made if entry is not None)


def _script(options: argparse.Namespace) -> Script:
    for name in ("portrait", "audio", "driving_video", "take"):
        path = getattr(options, name)
        if path is None and name in ("portrait", "audio"):
            raise InputError(f'nothing is given under "{name}"; a film needs a portrait and a recording.')
        if path is not None and as_file(path) is None:
            raise InputError(f'there is no file {path}, which is given under "{name.replace("_", "-")}".')
    check_output(options.out)
    script = read_script(request_of(options, direction_of(options)), options.out)
    performer_kind(script.request, None).check(script)
    return script


def _check_keywords(script: Script, weights_own: EmotionCodebook) -> None:
    """SettingsError for an emotion that the codebook does not know."""
    codebook = weights_own if script.codebook is None else script.codebook
    for key in script.timeline.keys if script.timeline is not None else ():
        for part in key.source.parts:
            if isinstance(part.origin, Keyword):
                codebook.position(part.origin.name)


def _from_anywhere(arguments: argparse.Namespace) -> argparse.Namespace:
    """The same options with files that were named from the folder where the command was given."""
    if arguments.plot_only:
        raise InputError("--plot-only makes no film, and a list is of films; leave one of them out.")
    given = {name: value.absolute() if isinstance(value, Path) else value for name, value in vars(arguments).items()}
    for name in _TEXTS_OR_FILES:
        path = as_file(given[name])
        given[name] = given[name] if path is None else str(path.absolute())
    return argparse.Namespace(**given)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Names of files, those inside of texts too, are meant from the list's folder on: other machines have others."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
