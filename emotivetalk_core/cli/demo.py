"""`demo`: the bundled portrait speaks the bundled recording, happily."""

import argparse
from pathlib import Path

from .direction_options import Direction
from .performance import profiled
from .talk import TalkJob, add_sampling_options, make_video

ASSETS = Path(__file__).parent.parent / "assets"


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "demo",
        help="the bundled portrait speaks the bundled recording",
        description="The bundled portrait speaks the bundled recording. Defaults marked * come with the weights.",
    )
    parser.add_argument("--out", type=Path, default=Path("talk.mp4"), metavar="FILE", help="the video (talk.mp4)")
    parser.add_argument("--emotion", default="happy", metavar="SOURCE", help="as for talk (happy)")
    add_sampling_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    with profiled(arguments.profile):
        make_video(
            TalkJob(
                portrait=ASSETS / "portrait.png",
                audio=ASSETS / "speech.wav",
                out=arguments.out,
                weights=arguments.weights,
                device=arguments.device,
                direction=Direction(emotion=arguments.emotion),
                seed=arguments.seed,
                grid=arguments.grid,
                steps=arguments.steps,
                window=arguments.window,
                overlap=arguments.overlap,
                resume=not arguments.no_resume,
                quiet=arguments.quiet,
            )
        )
