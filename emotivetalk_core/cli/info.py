"""`info`: what is installed, what the weights are, and where they lie."""

import argparse
import json
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "what is installed, and what the weights are"
    parser = verbs.add_parser("info", help=what, description=what.capitalize() + ".")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    import torch

    from .. import __version__
    from ..device import pick_device, pick_dtype
    from ..models.checkpoint import read_metadata
    from .talk import BUNDLED_WEIGHTS, load_models

    device = pick_device(arguments.device)
    print(f"emotivetalk {__version__}, torch {torch.__version__}")
    print(f"device: {device}, {str(pick_dtype(device)).removeprefix('torch.')}")
    folder = (arguments.weights or BUNDLED_WEIGHTS).resolve()
    defaults = load_models(folder, "cpu").defaults
    print(f"weights: {folder}")
    for file in sorted(folder.glob("*.safetensors")):
        metadata = read_metadata(file, file.stem)
        record = json.loads(metadata["record"])
        facts = ", ".join(f"{name} {value}" for name, value in record.items() if isinstance(value, (int, float, str)))
        print(f"  {file.stem:<17}{file.stat().st_size / 1e6:7.1f} MB  {metadata['licence']}  {facts}")
    print(
        f"sampling: {defaults.size}x{defaults.size} pixels, {defaults.steps} steps ({defaults.grid}), "
        f"windows of {defaults.window} frames, overlap {defaults.overlap}"
    )
