"""`measure`: finished videos compared by their pixels and their sound."""

import argparse
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "measure",
        help="compare finished videos",
        description="Measure finished videos, from this program or any other: whether the mouth matches the sound, "
        "whether the face still looks like the portrait and is as sharp, and whether that gets worse towards the end. "
        "docs/measuring.md says how far to trust the figures.",
    )
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="videos with sound")
    parser.add_argument(
        "--portrait", type=Path, metavar="FILE", help="the picture they were made from (the first frame with a face)"
    )
    parser.add_argument("--audio", type=Path, metavar="FILE", help="the speech, where the videos have no sound")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="a folder to write a plot of each video to, as png")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a file to write all figures to, as JSON")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.set_defaults(verb="measure.run")
