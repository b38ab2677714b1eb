"""`synthesize`: a few talking heads, drawn or rendered, as videos with their ground truth, for looking at."""

import argparse

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "synthesize",
        help="draw or render talking heads with their ground truth",
        description="Draw or render talking heads: each clip is an mp4, and a json with the ground truth of every "
        "frame.",
    )
    parser.add_argument("--clips", type=values.clip_count, default=8, metavar="N", help="how many (8)")
    parser.add_argument(
        "--people",
        type=values.people,
        metavar="N",
        help="how many people take turns, each in a folder of their own (a new person in each clip)",
    )
    parser.add_argument(
        "--seconds", type=values.film_seconds, metavar="N", help="length of each clip (as long as a sentence or two)"
    )
    parser.add_argument("--size", type=values.side, default=256, metavar="N", help="side of a frame in pixels (256)")
    parser.add_argument(
        "--seed", type=values.seed, default=1, metavar="N", help="the same number gives the same clips (1)"
    )
    parser.add_argument(
        "--heads", choices=("drawn", "rendered"), default="drawn", help="drawn heads (the default), or rendered people"
    )
    parser.add_argument("--out", type=values.folder, required=True, metavar="DIR", help="the folder to write them to")
    parser.set_defaults(verb="synthesize.run")
