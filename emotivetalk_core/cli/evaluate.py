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
        "and Sync-D; hdtf, mead: films of the held-out people of a data folder, made first, by the paper's protocol",
    )
    parser.add_argument(
        "--heads",
        choices=("drawn", "rendered"),
        default="drawn",
        help="whose films the synthetic suite makes, each read by its own probe; for rendered people only the "
        "sections probes, face_finder, sync and emotion (drawn)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the report, as JSON; if stopped, it goes on from there"
    )
    parser.add_argument(
        "--small", action="store_true", help="fewer figures and films: a minute instead of most of an hour"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument(
        "--probe", type=Path, metavar="FILE", help="the network that reads the films (the bundled one of the heads)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--train-probes",
        type=Path,
        metavar="DIR",
        help="train the probe of the heads instead, from the folder training/data of `train demo`; --probe says where "
        "it goes",
    )
    films = parser.add_argument_group("films", "films of the same name in two folders; docs/measuring.md says more")
    films.add_argument("--generated", type=Path, metavar="DIR", help="the films to judge")
    films.add_argument("--true", type=Path, metavar="DIR", help="the true ones")
    films.add_argument(
        "--networks",
        type=Path,
        metavar="DIR",
        help="where inception, i3d and syncnet.safetensors lie, as `convert` makes them; what is missing is left out",
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
        help="the paper's: 144 frames and FVD of 128, or 76 and 72; without it all frames, and both FVDs",
    )
    made = parser.add_argument_group("hdtf and mead", "the films of held-out people that are made first")
    made.add_argument("--data", type=Path, metavar="DIR", help="the folder that `prepare` wrote")
    made.add_argument("--clips", type=values.clip_count, metavar="N", help="how many films at most (all)")
    made.add_argument(
        "--frames", type=values.frame_count, metavar="N", help="another length, such as table 3's 1500 (the protocol's)"
    )
    made.add_argument(
        "--driven-by",
        choices=("sound", "video"),
        default="sound",
        help="where the expression comes from: the sound, or the true film (sound)",
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
