"""`talk` and `demo`: a portrait and a recording become a video file."""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path

import torch

from ...device import pick_device
from ...errors import EmotiveTalkError, ProcessError, SettingsError
from ...film.film import Film, prepare_film
from ...film.listener import Listener
from ...film.request import Direction, FilmRequest
from ...film.script import read_script
from ...processes import Processes, are_many, joined
from ...video.writer import check_output
from ..demo import ASSETS
from ..direction_options import direction_of
from ..faults import FAULT
from ..performance import profiled, seconds_line
from ..progress import StageBars
from ..talk import option, request_of
from . import jobs


def talk(arguments: argparse.Namespace) -> None:
    if arguments.jobs is not None:
        jobs.run(arguments)
        return
    missing = [option(name) for name in ("portrait", "audio") if getattr(arguments, name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} must be given, or a list of films with --jobs.")
    make_video(request_of(arguments, direction_of(arguments)), arguments)


def make_video(request: FilmRequest, arguments: argparse.Namespace) -> None:
    """Everything that can be wrong is found before the first step is sampled; then frames stream into the file."""
    out: Path = arguments.out
    if not request.direction.plot_only:
        check_output(out)
    if are_many():
        with joined(pick_device(arguments.device)) as (processes, device):
            _make_together(replace(request, device=str(device)), arguments, processes, device)
        return
    script = read_script(request, out)
    with profiled(arguments.profile), StageBars(hidden=arguments.quiet, since=arguments.began) as bars:
        film = prepare_film(script, listener=bars)
        if film is None:
            return
        film.save(out, together=not arguments.profile)  # the profiler sees one thread alone
    _tell(film, bars, out)


def _make_together(
    request: FilmRequest, arguments: argparse.Namespace, processes: Processes, device: torch.device
) -> None:
    """What `make_video` does, in one of several processes. The first one speaks for all: another says no more than what
    the first cannot know.
    """
    alone_told = processes.first or processes.count == 2
    with contextlib.ExitStack() as stack:
        listener = Listener()
        if processes.first:
            stack.enter_context(profiled(arguments.profile))
            listener = stack.enter_context(StageBars(hidden=arguments.quiet, since=arguments.began))
        film, fault = None, None
        try:
            film = prepare_film(read_script(request, arguments.out), listener=listener, processes=processes)
        except EmotiveTalkError as error:
            fault = error
        well = processes.begun(fault is None, device)
        if not all(well):
            if processes.first and fault is None:
                fault = ProcessError(
                    f"Process {well.index(False)} of {processes.count} cannot take part, and says why."
                )
            if fault is not None and (processes.first or well[0]):
                raise fault
            raise SystemExit(FAULT)
        if film is None:
            return
        try:
            film.save(arguments.out, together=not arguments.profile)
        except ProcessError:
            if alone_told:
                raise
            raise SystemExit(FAULT) from None
    if isinstance(listener, StageBars):
        _tell(film, listener, arguments.out)


def _tell(film: Film, bars: StageBars, out: Path) -> None:
    print(seconds_line(bars.seconds))
    print(f"{film.frame_count} frames, {film.seconds:.2f} s, {film.width}x{film.height}: {out.resolve()}")


def demo(arguments: argparse.Namespace) -> None:
    bundled = {"portrait": ASSETS / "portrait.png", "audio": ASSETS / "speech.wav"}
    make_video(request_of(arguments, Direction(emotion=arguments.emotion), **bundled), arguments)
