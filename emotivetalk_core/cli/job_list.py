"""A list of films as a table of text: a column for each of `talk`'s options, a line for each film."""

import argparse
import copy
import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import EmotiveTalkError, InputError

Result = TypeVar("Result")

_FOR_ALL = ("jobs", "weights", "device", "quiet", "profile")
_NO_FILM = ("help", "plot-only")
_YES, _NO = ("yes", "true", "1", "x"), ("no", "false", "0")


@dataclass(frozen=True)
class Line:
    """number: in the file, from 1 · out: the film's name as it is written there · options: all of `talk`'s."""

    number: int
    out: str
    options: argparse.Namespace


def read_job_list(file: Path, parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[Line]:
    """The films of a list; given: options that hold wherever a line says nothing else. Raises InputError."""
    header, rows = _table(file)
    options = {
        name.removeprefix("--"): action
        for action in parser._actions  # argparse has no other list of them
        for name in action.option_strings
        if name.startswith("--")
    }
    _check_header(file, header, [name for name in options if name not in _NO_FILM])

    def line_of(number: int, cells: list[str]) -> Line:
        if len(cells) > len(header):
            raise InputError(f"it has {len(cells)} fields for {len(header)} columns; put quotes around commas.")
        said = dict(zip(header, cells))
        if not said.get("out"):
            raise InputError('nothing is given under "out"; give the film a name, such as anna.mp4.')
        words = [word for name, cell in said.items() for word in _words(name, cell, options[name])]
        return Line(number, said["out"], parser.parse_args(words, copy.copy(given)))

    return all_lines(
        file, ((number, lambda number=number, cells=cells: line_of(number, cells)) for number, cells in rows)
    )


def all_lines(file: Path, lines: Iterable[tuple[int, Callable[[], Result]]]) -> list[Result]:
    """What is made of each line, by its number. InputError for the first that fails, with how many others do."""
    results: list[Result] = []
    faults: list[tuple[int, EmotiveTalkError]] = []
    for number, make in lines:
        try:
            results.append(make())
        except EmotiveTalkError as error:
            faults.append((number, error))
    if faults:
        others = {0: "", 1: " Another line cannot be used either."}
        more = others.get(len(faults) - 1, f" {len(faults) - 1} other lines cannot be used either.")
        raise InputError(f"{file}, line {faults[0][0]}: {faults[0][1]}{more}") from faults[0][1]
    return results


def _check_header(file: Path, header: list[str], known: list[str]) -> None:
    for name in header:
        if name in _FOR_ALL:
            raise InputError(f'{file}: a list has no column "{name}"; give --{name} once, with the command.')
        if name not in known:
            raise InputError(
                f'{file}: there is no column "{name}"; columns have the names of the options of `talk`, such as '
                "portrait, audio, out and emotion."
            )
        if header.count(name) > 1:
            raise InputError(f'{file}: there are two columns "{name}"; remove one.')
    if "out" not in header:
        raise InputError(f'{file}: there is no column "out"; each line needs a film to write, such as anna.mp4.')


def _words(name: str, cell: str, option: argparse.Action) -> Iterator[str]:
    """A cell as it would stand on the command line. InputError for a switch that is neither on nor off."""
    if not cell:
        return
    if option.nargs == 0:
        if cell.lower() not in (*_YES, *_NO):
            raise InputError(f'"{cell}" is given under "{name}"; yes or no is expected.')
        if cell.lower() in _YES:
            yield f"--{name}"
    elif isinstance(option.nargs, int):
        yield from (f"--{name}", *cell.replace(",", " ").split())
    else:
        yield f"--{name}={cell}"


def _table(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of the columns, and the lines with their numbers; those that are empty are left out. Fields stand between
    commas, semicolons or tabs, whichever the first line has most of. Raises InputError.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: this list is not UTF-8 text; save it as CSV in UTF-8.") from error
    except OSError as error:
        raise InputError(f"{file}: this list cannot be read ({error.strerror}); choose another.") from error
    first = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=first.count))
    rows, number = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((number, [cell.strip() for cell in cells]))
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: this is not a line of a CSV file ({error}).") from error
    if len(rows) < 2:
        raise InputError(f"{file}: this list is empty; give a line with the names of columns, and one for each film.")
    return rows[0][1], rows[1:]
