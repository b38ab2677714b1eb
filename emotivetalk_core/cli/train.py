"""`train`: make the weights. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "train",
        help="train the weights",
        description="Train the weights by a recipe: demo (drawn heads), tiny (a test of the trainer), or a .json file. "
        "With several processes, start it by torchrun; docs/training.md says how.",
    )
    parser.add_argument("recipe", help="demo, tiny, or a recipe's .json file")
    parser.add_argument("--out", type=values.folder, required=True, metavar="DIR", help="the weights folder")
    parser.add_argument("--data", type=Path, nargs="+", metavar="DIR", help="clips to learn from, not the recipe's own")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these stages, e.g. ablation")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument(
        "--sharding", default="none", help="of the weights over processes: none (DDP), fsdp or hsdp (none)"
    )
    parser.add_argument(
        "--parts", type=values.parts, default=1, metavar="N", help="pieces that each process computes its batch in (1)"
    )
    parser.add_argument("--recompute", action="store_true", help="compute activations twice, for less memory")
    parser.add_argument("--compile", action="store_true", help="compile the networks first, for speed")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16 (auto)")
    parser.add_argument(
        "--save-minutes", type=values.minutes, default=10.0, metavar="N", help="minutes between two checkpoints (10)"
    )
    parser.set_defaults(verb="train.run")
