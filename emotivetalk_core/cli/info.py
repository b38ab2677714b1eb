"""`info`: what is installed, what the weights are, and where they lie."""

import argparse
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "info", help="what is installed, and what the weights are", description="What is installed, and what the weights are."
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    import torch

    from .. import __version__
    from ..device import pick_device, pick_dtype
    from .talk import BUNDLED_WEIGHTS, load_models

    device = pick_device(arguments.device)
    print(f"emotivetalk {__version__}, torch {torch.__version__}")
    print(f"device: {device}, {str(pick_dtype(device)).removeprefix('torch.')}")
    models = load_models(arguments.weights, arguments.device)
    print(f"weights: {(arguments.weights or BUNDLED_WEIGHTS).resolve()}")
