"""`talk` and `demo`: a portrait and a recording become a video file."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...film.film import prepare_film
from ...film.request import Direction, FilmRequest
from ...film.script import read_script
from ...video.writer import check_output
from ..demo import ASSETS
from ..direction_options import direction_of
from ..performance import profiled, seconds_line
from ..progress import StageBars
from ..talk import FACE_BOX

_SPELLED = {
    "face_box": f"--face-box {' '.join(FACE_BOX)}",
    "resume": "--no-resume",
    "interpolate": "--no-interpolation",
}


def talk(arguments: argparse.Namespace) -> None:
    if arguments.jobs is not None:
        from . import jobs

        jobs.run(arguments)
        return
    missing = [option(name) for name in ("portrait", "audio") if getattr(arguments, name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} must be given; or a list of films, with --jobs.")
    make_video(request_of(arguments, direction_of(arguments)), arguments)


def request_of(arguments: argparse.Namespace, direction: Direction, **more: Any) -> FilmRequest:
    """Each option is called as its field is; fields that no option is for keep their defaults."""
    named = (each.name for each in fields(FilmRequest) if each.name in arguments)
    given: dict[str, Any] = {name: getattr(arguments, name) for name in named}
    if given.get("face_box") is not None:
        given["face_box"] = tuple(given["face_box"])
    return FilmRequest(**(given | {"direction": direction, "spelling": option} | more))


def option(name: str) -> str:
    """How the command line calls a field of a request."""
    return _SPELLED.get(name, "--" + name.replace("_", "-"))


def make_video(request: FilmRequest, arguments: argparse.Namespace) -> None:
    """Everything that can be wrong is found before the first step is sampled; then frames stream into the file."""
    out: Path = arguments.out
    if not request.direction.plot_only:
        check_output(out)
    script = read_script(request)
    script.spare_the_inputs(out)
    with profiled(arguments.profile), StageBars(hidden=arguments.quiet, since=arguments.began) as bars:
        film = prepare_film(script, listener=bars)
        if film is None:
            return
        film.save(out, together=not arguments.profile)  # the profiler sees one thread alone
    print(seconds_line(bars.seconds))
    print(f"{film.frame_count} frames, {film.seconds:.2f} s, {film.width}x{film.height}: {out.resolve()}")


def demo(arguments: argparse.Namespace) -> None:
    bundled = {"portrait": ASSETS / "portrait.png", "audio": ASSETS / "speech.wav"}
    make_video(request_of(arguments, Direction(emotion=arguments.emotion), **bundled), arguments)
