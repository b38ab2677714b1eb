"""`evaluate`: measure what the weights can do, and write a report; or train the probes that measure it."""

import argparse
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("evaluate", help="measure the weights", description="Measure what the weights can do.")
    parser.add_argument(
        "--suite", choices=("synthetic",), default="synthetic", help="synthetic: drawn heads, never trained on"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the report, as JSON; stopped, it goes on from there")
    parser.add_argument(
        "--small", action="store_true", help="fewer figures and films: a minute instead of most of an hour"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--probe", type=Path, metavar="FILE", help="the network that reads the films (the bundled one)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--train-probes",
        type=Path,
        metavar="DIR",
        help="train the probe instead, from the folder training/data of `train demo`; --probe says where it goes",
    )
    parser.set_defaults(verb="evaluate.run")
