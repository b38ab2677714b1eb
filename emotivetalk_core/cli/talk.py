"""`talk`: a portrait and a recording become a video file."""

import argparse
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..film.request import LARGEST_SIDE, Direction, FilmRequest
from . import values
from .direction_options import add_direction_options, direction_of
from .performance import profiled, seconds_line
from .photograph_options import add_photograph_options
from .progress import StageBars

FACE_BOX = ("LEFT", "TOP", "RIGHT", "BOTTOM")
_SPELLED = {
    "face_box": f"--face-box {' '.join(FACE_BOX)}",
    "resume": "--no-resume",
    "interpolate": "--no-interpolation",
}


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "talk",
        help="make a portrait speak a recording",
        description="Make a portrait speak a recording. Defaults marked * come with the weights.",
    )
    parser.add_argument("--portrait", type=Path, required=True, metavar="FILE", help="a picture with a face")
    parser.add_argument("--audio", type=Path, required=True, metavar="FILE", help="a recording, or a video with sound")
    parser.add_argument("--out", type=Path, default=Path("talk.mp4"), metavar="FILE", help="the video (talk.mp4)")
    add_direction_options(parser)
    parser.add_argument(
        "--lip-strength", type=values.lip_strength, default=1.0, help="how far the mouth moves: 0 to 2 (1)"
    )
    add_photograph_options(parser)
    parser.add_argument(
        "--face-box",
        type=values.coordinate,
        nargs=4,
        metavar=FACE_BOX,
        help="the face, forehead to chin, in pixels: left, top, right, bottom; without it the largest face found",
    )
    parser.add_argument("--crop", action="store_true", help="only the square around the face, not the whole picture")
    parser.add_argument(
        "--size", type=values.side, default=LARGEST_SIDE, help=f"largest side of the video in pixels ({LARGEST_SIDE})"
    )
    parser.add_argument(
        "--resolution",
        type=values.resolution,
        help="side of the square around the face as it is drawn, a multiple of 64 such as 512 or 1024 (*)",
    )
    parser.add_argument(
        "--detail",
        type=values.detail,
        default=1.0,
        help="how much of the portrait's own detail is kept where nothing moves: 0 to 1 (1)",
    )
    add_sampling_options(parser)
    parser.set_defaults(run=run)


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """The options that `demo` shares."""
    parser.add_argument("--steps", type=values.steps, help="denoising steps (*)")
    parser.add_argument("--grid", choices=("karras", "ays"), help="how the noise levels are spaced (*)")
    parser.add_argument("--window", type=values.window, help="frames that are denoised together (*)")
    parser.add_argument("--overlap", type=values.overlap, help="frames that neighbouring windows share (*)")
    parser.add_argument("--seed", type=values.seed, default=0, help="the same seed gives the same video (0)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--no-resume",
        action="store_false",
        dest="resume",
        help="keep nothing on disk of an unfinished video; otherwise the same command goes on where it was stopped",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument("--profile", action="store_true", help="a table of where the time went; it takes longer itself")


def run(arguments: argparse.Namespace) -> None:
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
    began = time.monotonic()
    from ..film.film import prepare_film
    from ..film.script import read_script
    from ..video.writer import check_output

    out: Path = arguments.out
    if not request.direction.plot_only:
        check_output(out)
    script = read_script(request)
    script.spare_the_inputs(out)
    with profiled(arguments.profile), StageBars(hidden=arguments.quiet, since=began) as bars:
        film = prepare_film(script, listener=bars)
        if film is None:
            return
        film.save(out)
    print(seconds_line(bars.seconds))
    print(f"{film.frame_count} frames, {film.seconds:.2f} s, {film.width}x{film.height}: {out.resolve()}")
