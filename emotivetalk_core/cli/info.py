"""`info`: what is installed, what the weights are, and where they lie."""

import argparse
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "show what is installed, and what the weights are"
    parser = verbs.add_parser("info", help=what, description=what.capitalize() + ".")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder (the bundled one)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--flops",
        action="store_true",
        help="instead, count what the full size computes for a clip, next to the paper's figures",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="instead, count what the full size holds in a graphics card's memory, at 512 and 1024 pixels",
    )
    parser.set_defaults(verb="info.run")
