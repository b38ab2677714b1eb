"""`evaluate`: measure what the weights can do, and write a report; or train the probes that measure it."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "evaluate",
        usage="python -m emotivetalk_core evaluate [--suite SUITE] [--out FILE] [--small] [...]",
        help="measure the weights",
        description="Measure what the weights can do.",
    )
    parser.add_argument(
        "--suite",
        choices=("synthetic", "films", "hdtf", "mead"),
        default="synthetic",
        metavar="SUITE",
        help="synthetic: drawn or rendered heads, never trained on; films: two folders of films, by FID, FVD, Sync-C "
        "and Sync-D; hdtf, mead: films of a data folder's held-out people, made first, by the paper's protocol",
    )
    parser.add_argument(
        "--heads",
        choices=("drawn", "rendered"),
        default="drawn",
        help="which heads the synthetic suite films; each kind is read by a probe of its own. With rendered people, "
        "only the sections probes, face_finder, sync and emotion are measured (drawn)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the report to write, as JSON; a stopped run continues from it"
    )
    parser.add_argument(
        "--small", action="store_true", help="fewer figures and films: a minute instead of most of an hour"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder (the bundled one)")
    parser.add_argument(
        "--probe", type=Path, metavar="FILE", help="the network that reads the films (the bundled one for these heads)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--train-probes",
        type=Path,
        metavar="DIR",
        help="instead, train the probe for these heads, from the folder training/data of `train demo`; --probe says "
        "where to write it",
    )
    films = parser.add_argument_group("films", "pairs of films with the same name in two folders (docs/measuring.md)")
    films.add_argument("--generated", type=Path, metavar="DIR", help="the films to measure")
    films.add_argument("--true", type=Path, metavar="DIR", help="the real films to compare them with")
    films.add_argument(
        "--networks",
        type=Path,
        metavar="DIR",
        help="a folder with inception, i3d and syncnet.safetensors, as `convert` writes them; without one of them its "
        "figures are left out",
    )
    films.add_argument(
        "--coefficients",
        type=Path,
        metavar="FILE",
        help="expression coefficients of every film, for E-FID: generated/NAME and true/NAME as safetensors",
    )
    films.add_argument(
        "--protocol",
        choices=("hdtf", "mead"),
        help="the paper's lengths: 144 frames and FVD on 128 (hdtf), or 76 and 72 (mead); without it all frames, and "
        "both FVDs",
    )
    made = parser.add_argument_group("hdtf and mead", "which films of held-out people to make")
    made.add_argument("--data", type=Path, metavar="DIR", help="the folder that `prepare` wrote")
    made.add_argument("--clips", type=values.clip_count, metavar="N", help="how many films at most (all)")
    made.add_argument(
        "--frames", type=values.frame_count, metavar="N", help="their length, such as table 3's 1500 (the protocol's)"
    )
    made.add_argument(
        "--driven-by",
        choices=("sound", "video"),
        default="sound",
        help="where the expression comes from: the sound, or the real film (sound)",
    )
    made.add_argument(
        "--tables",
        nargs="+",
        type=int,
        choices=(1, 2, 3, 5),
        metavar="N",
        help="the paper's tables, row by row: 1 by sound, and by sound and video; 2 without lip or expression latents; "
        "3 at 120, 250, 750 and 1500 frames; 5 at 1024 pixels (one row, as the options above say)",
    )
    parser.set_defaults(verb="evaluate.run")
