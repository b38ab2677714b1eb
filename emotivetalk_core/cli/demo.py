"""`demo`: the bundled portrait speaks the bundled recording, happily."""

import argparse
from pathlib import Path

from .talk import add_running_options, add_sampling_options

ASSETS = Path(__file__).parent.parent / "assets"


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "demo",
        usage="python -m emotivetalk_core demo [--out FILE] [--emotion SOURCE] [...]",
        help="the bundled portrait speaks the bundled recording",
        description="The bundled portrait speaks the bundled recording. Defaults are in brackets; * comes with the "
        "weights.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("talk.mp4"), metavar="FILE", help="the video to write (talk.mp4)"
    )
    parser.add_argument("--emotion", default="happy", metavar="SOURCE", help="as for talk (happy)")
    add_sampling_options(parser)
    add_running_options(parser)
    parser.set_defaults(verb="talk.demo")
