"""`train`: make the weights. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "train",
        usage="python -m emotivetalk_core train RECIPE [--out DIR] [--data DIR ...] [--dry-run] [...]",
        help="train the weights",
        description="Train the weights by a recipe: full (the paper's, on films of people), full-24gb (part of it, on "
        "one card), adapt (your own films, from weights that are there), demo (drawn heads), people (demo's weights "
        "once more, on rendered people), student (weights in fewer steps), retouch (a retoucher for weights that are "
        "there), tiny (a test of the trainer), or a .json file. With several processes, start it by torchrun; "
        "docs/training.md says how.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="one of these names, or a file")
    parser.add_argument("--out", type=values.folder, metavar="DIR", help="the weights folder")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these stages, e.g. ablation")
    parser.add_argument(
        "--save-minutes", type=values.minutes, default=10.0, metavar="N", help="minutes between two checkpoints (10)"
    )
    source = parser.add_argument_group("what it learns from")
    source.add_argument(
        "--data", type=Path, nargs="+", metavar="DIR", help="clips to learn from, instead of the recipe's own"
    )
    source.add_argument("--start", type=Path, metavar="DIR", help="what full, people, student and retouch start from")
    source.add_argument("--weights", type=Path, metavar="DIR", help="adapt: the weights folder to start from")
    before = parser.add_argument_group("what it will take")
    before.add_argument(
        "--dry-run", action="store_true", help="say how much memory, computing and time it will take, and train nothing"
    )
    before.add_argument("--card", metavar="NAME", help='with --dry-run: on which card, e.g. "RTX 4090" or H100')
    before.add_argument(
        "--cards", type=values.cards, default=1, metavar="N", help="with --dry-run: on how many such cards (1)"
    )
    running = parser.add_argument_group("how it runs")
    running.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    running.add_argument("--precision", default="auto", metavar="FORMAT", help="auto, float32 or bfloat16 (auto)")
    running.add_argument(
        "--sharding",
        default="none",
        metavar="HOW",
        help="how processes share the weights out: none (DDP), fsdp or hsdp (none)",
    )
    running.add_argument(
        "--parts", type=values.parts, default=1, metavar="N", help="pieces that each process computes its batch in (1)"
    )
    running.add_argument(
        "--recompute",
        nargs="?",
        const="blocks",
        metavar="HOW",
        help="compute activations twice, for less memory: none, blocks, or nested, for the least (as the recipe says; "
        "without HOW blocks)",
    )
    running.add_argument(
        "--loaders",
        type=values.loaders,
        default=0,
        metavar="N",
        help="processes that draw samples, for a card (none)",
    )
    running.add_argument("--compile", action="store_true", help="compile the networks first, for speed")
    parser.set_defaults(verb="train.run")
