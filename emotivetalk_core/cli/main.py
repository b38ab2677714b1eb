"""`python -m emotivetalk_core COMMAND …`: parse, run, and say in one line what went wrong.

With argparse: it is there, and help stands after 0.3 s. tyro and cyclopts would make options of `film.request` by
themselves, but its values are typed for Python, and a shell writes a box, a pose or a blend in other ways.
"""

import argparse
import io
import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

from ..errors import SettingsError
from ..version import __version__
from . import codebook, convert, demo, evaluate, fetch, info, measure, prepare, synthesize, talk, train
from .faults import FAULT, sentence
from .performance import keep_freed_memory, uncollected, wait_briefly

VERBS = (demo, talk, measure, codebook, info, fetch, convert, synthesize, prepare, train, evaluate)
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of argparse's usage and message."""
        raise SettingsError(f"{message}; `{self.prog} --help` lists the options.")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs; each module adds its own arguments, and names as `verb` the function that does it."""
    parser = _Parser(
        prog="python -m emotivetalk_core",
        description="One portrait and one recording of speech become an expressive talking video.",
    )
    parser.add_argument("--version", action="version", version=f"emotivetalk {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for verb in VERBS:
        verb.add_verb(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 for anything the user can mend, 130 after Ctrl-C."""
    try:
        with _printable():
            chosen = build_parser().parse_args(arguments)
            keep_freed_memory()
            wait_briefly()
            chosen.began = time.monotonic()
            with _quiet_libraries(), _tidy_end():
                module, _, name = chosen.verb.partition(".")
                with uncollected():
                    verb = import_module(f".verbs.{module}", __package__)
                getattr(verb, name)(chosen)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        said = sentence(error)
        if said is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        return FAULT
    return 0


@contextmanager
def _tidy_end() -> Iterator[None]:
    """A SIGTERM within it ends the program as an exception does: files under way are removed first."""

    def end(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears of signals
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _printable() -> Iterator[None]:
    """Let the screen show in escapes what it has no letters for, such as a name in Japanese on a Windows console: it is
    no reason to end.
    """
    screens = [screen for screen in (sys.stdout, sys.stderr) if isinstance(screen, io.TextIOWrapper)]
    before = [screen.errors for screen in screens]
    for screen in screens:
        screen.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for screen, errors in zip(screens, before):
            screen.reconfigure(errors=errors)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep from the screen what libraries have to say to programmers; what they raise is still raised."""
    logged_before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logged_before)
