"""`info`: what is installed, what the weights are, and where they lie."""

import argparse
import json
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "what is installed, and what the weights are"
    parser = verbs.add_parser("info", help=what, description=what.capitalize() + ".")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--flops",
        action="store_true",
        help="instead: what the full size computes for a clip, beside the paper's figures",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.flops:
        print_flops()
        return
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


def print_flops() -> None:
    """The full size's compute for 4.8 s, part by part, counted on shapes alone."""
    from ..models.presets import FULL
    from ..sampling.flops import PAPER_PARAMETERS, PAPER_TFLOP, backbone_parameters, clip_costs

    sampling = FULL.sampling
    frames = 120
    print(
        f"full size: 4.8 s, {frames} frames of {sampling.size}x{sampling.size} pixels, {sampling.steps} steps, "
        f"windows of {sampling.window}"
    )
    print("TFLOP, a multiplication with its addition counted as two:")
    print(f"  {'part':<20}{'one forward':>12}{'forwards':>10}{'clip':>11}{'parameters':>15}")
    costs = clip_costs(FULL, frames)
    for cost in costs:
        print(
            f"  {cost.name:<20}{cost.forward / 1e12:>12.3f}{cost.forwards:>10}{cost.clip / 1e12:>11.2f}"
            f"{cost.parameters:>15,}"
        )
    print(f"  {'all':<42}{sum(cost.clip for cost in costs) / 1e12:>11.2f}{sum(c.parameters for c in costs):>15,}")
    paper = ", ".join(f"{name} {value:,.0f}" for name, value in PAPER_TFLOP.items())
    print(f"the paper's table 6, backbone alone: {paper}")
    parts = backbone_parameters(FULL.ethd)
    names = ", ".join(f"{name} {count:,}" for name, count in parts.items())
    print(f"ETHD's {sum(parts.values()):,} parameters: {names}; the paper's backbone has {PAPER_PARAMETERS}")
