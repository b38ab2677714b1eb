"""`synthesize`: draws or renders talking heads."""

import argparse

from ...synthesis.preview import synthesize
from ...types import FRAMES_PER_SECOND
from ...video.writer import VideoWriter
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    with StageBars() as bars:
        videos = synthesize(
            arguments.out,
            clips=arguments.clips,
            seed=arguments.seed,
            heads=arguments.heads,
            size=arguments.size,
            people=arguments.people,
            frames=None if arguments.seconds is None else max(1, round(arguments.seconds * FRAMES_PER_SECOND)),
            open_video=VideoWriter,
            on_step=lambda done, total: bars("drawing", done, total),
        )
    print(f"{len(videos)} clips: {arguments.out.resolve()}")
