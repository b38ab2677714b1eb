"""`talk`: a portrait and a recording become a video file. Its options, and the request that they make."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..film.request import LARGEST_SIDE, Direction, FilmRequest
from . import values
from .direction_options import add_direction_options
from .photograph_options import add_photograph_options

FACE_BOX = ("LEFT", "TOP", "RIGHT", "BOTTOM")

_SPELLED = {
    "face_box": f"--face-box {' '.join(FACE_BOX)}",
    "resume": "--no-resume",
    "interpolate": "--no-interpolation",
}


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "talk",
        usage="python -m emotivetalk_core talk --portrait FILE --audio FILE [--out FILE] [--emotion SOURCE] [...]\n"
        "       python -m emotivetalk_core talk --jobs LIST [...]",
        help="make a portrait speak a recording",
        description="Make a portrait speak a recording. Defaults are in brackets; * comes with the weights.",
    )
    parser.add_argument("--portrait", type=Path, metavar="FILE", help="a picture with a face")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="a recording, or a video with sound")
    parser.add_argument(
        "--out", type=Path, default=Path("talk.mp4"), metavar="FILE", help="the video to write (talk.mp4)"
    )
    parser.add_argument(
        "--jobs",
        type=Path,
        metavar="LIST",
        help="make many films: a .csv with a column for each option (portrait, audio, out, ...) and a line for each "
        "film; several processes and machines can work on the same list",
    )
    add_direction_options(parser)
    picture = parser.add_argument_group("the picture")
    picture.add_argument(
        "--face-box",
        type=values.coordinate,
        nargs=4,
        metavar=FACE_BOX,
        help="where the face is, from forehead to chin, in pixels (the largest face found)",
    )
    picture.add_argument(
        "--crop", action="store_true", help="show only the square around the face, not the whole picture"
    )
    picture.add_argument(
        "--size",
        type=values.side,
        default=LARGEST_SIDE,
        metavar="N",
        help=f"limit for the longer side of the video, in pixels ({LARGEST_SIDE})",
    )
    picture.add_argument(
        "--resolution",
        type=values.resolution,
        metavar="N",
        help="pixels at which the square around the face is drawn: a multiple of 64, such as 512 or 1024 (*)",
    )
    picture.add_argument(
        "--detail",
        type=values.detail,
        default=1.0,
        metavar="N",
        help="how much of the portrait's own detail is kept where nothing moves: 0 to 1 (1)",
    )
    add_photograph_options(parser)
    add_sampling_options(parser)
    add_running_options(parser)
    parser.set_defaults(verb="talk.talk", parser=parser)


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Those that `demo` shares."""
    sampling = parser.add_argument_group("sampling")
    sampling.add_argument(
        "--seed", type=values.seed, default=0, metavar="N", help="the same number gives the same video (0)"
    )
    sampling.add_argument(
        "--fast",
        action="store_true",
        help="faster, at some cost in quality: windows that share no frames, and two fifths of the steps, ten at most",
    )
    sampling.add_argument("--steps", type=values.steps, metavar="N", help="denoising steps (*)")
    sampling.add_argument("--grid", choices=("karras", "ays"), help="how the noise levels are spaced (*)")
    sampling.add_argument("--window", type=values.window, metavar="N", help="frames that are denoised together (*)")
    sampling.add_argument(
        "--overlap", type=values.overlap, metavar="N", help="frames that neighbouring windows share (*)"
    )


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Those that `demo` shares, too."""
    running = parser.add_argument_group("running")
    running.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder (the bundled one)")
    running.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    running.add_argument(
        "--no-resume",
        action="store_false",
        dest="resume",
        help="do not keep an unfinished video on disk; otherwise the same command continues where it was stopped",
    )
    running.add_argument("--quiet", action="store_true", help="no progress bars")
    running.add_argument(
        "--profile", action="store_true", help="print where the time went, which itself takes a little time"
    )


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
