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
        "one card), adapt (existing weights further, on your own films), demo (drawn heads), people (the demo's "
        "weights further, on rendered people), student (weights that need fewer steps), retouch (what finishes "
        "the films of existing weights), tiny (a test of the trainer), or your own .json file. For several processes, "
        "start it with torchrun; docs/training.md says how.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="one of these names, or a file")
    parser.add_argument("--out", type=values.folder, metavar="DIR", help="the weights folder to write")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these stages, e.g. ablation")
    parser.add_argument(
        "--save-minutes", type=values.minutes, default=10.0, metavar="N", help="minutes between two checkpoints (10)"
    )
    source = parser.add_argument_group("what it learns from")
    source.add_argument(
        "--data", type=Path, nargs="+", metavar="DIR", help="clips to learn from, instead of the recipe's own"
    )
    source.add_argument(
        "--start", type=Path, metavar="DIR", help="full, people, student, retouch: the weights folder to start from"
    )
    source.add_argument("--weights", type=Path, metavar="DIR", help="adapt: the weights folder to start from")
    before = parser.add_argument_group("what it will take")
    before.add_argument(
        "--dry-run", action="store_true", help="say how much memory, computation and time it will take; train nothing"
    )
    before.add_argument("--card", metavar="NAME", help='with --dry-run: for which card, e.g. "RTX 4090" or H100')
    before.add_argument(
        "--cards", type=values.cards, default=1, metavar="N", help="with --dry-run: for how many such cards (1)"
    )
    running = parser.add_argument_group("running")
    running.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    running.add_argument("--precision", default="auto", metavar="FORMAT", help="auto, float32 or bfloat16 (auto)")
    running.add_argument(
        "--sharding",
        default="none",
        metavar="HOW",
        help="how the weights are split among processes: none (DDP), fsdp or hsdp (none)",
    )
    running.add_argument(
        "--parts",
        type=values.parts,
        default=1,
        metavar="N",
        help="how many parts each process splits its batch into (1)",
    )
    running.add_argument(
        "--recompute",
        nargs="?",
        const="blocks",
        metavar="HOW",
        help="recompute activations to save memory: none, blocks, or nested, which saves the most (as the recipe says; "
        "blocks without HOW)",
    )
    running.add_argument(
        "--loaders",
        type=values.loaders,
        default=0,
        metavar="N",
        help="extra processes that prepare samples, for training on a card (0)",
    )
    running.add_argument("--compile", action="store_true", help="compile the networks first, for speed")
    parser.set_defaults(verb="train.run")
