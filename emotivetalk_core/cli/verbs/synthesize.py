"""`synthesize`: draws or renders talking heads."""

import argparse

from ...synthesis.preview import synthesize
from ...video.writer import VideoWriter
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    with StageBars() as bars:
        videos = synthesize(
            arguments.out,
            clips=arguments.clips,
            seed=arguments.seed,
            heads=arguments.heads,
            open_video=VideoWriter,
            on_step=lambda done, total: bars("drawing", done, total),
        )
    print(f"{len(videos)} clips: {arguments.out.resolve()}")
