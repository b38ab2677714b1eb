"""`info`: what is installed, what the weights are, and where they lie."""

import argparse
import json
from pathlib import Path

from ..errors import WeightsError


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
    from ..models.model_set import read_sampling_defaults
    from .talk import BUNDLED_WEIGHTS

    device = pick_device(arguments.device)
    print(f"emotivetalk {__version__}, torch {torch.__version__}")
    print(f"device: {device}, {str(pick_dtype(device)).removeprefix('torch.')}")
    folder = (arguments.weights or BUNDLED_WEIGHTS).resolve()
    defaults = read_sampling_defaults(folder / "ethd.safetensors")
    print(f"weights: {folder}")
    for file in sorted(folder.glob("*.safetensors")):
        print(f"  {file.stem:<17}{file.stat().st_size / 1e6:7.1f} MB  {facts_of(file)}")
    print(
        f"sampling: {defaults.size}x{defaults.size} pixels, {defaults.steps} steps ({defaults.grid}), "
        f"windows of {defaults.window} frames, overlap {defaults.overlap}"
    )


def facts_of(file: Path) -> str:
    """Licence and record of a network's own file; of any other only what it is. Reads its header alone."""
    from ..models.checkpoint import FORMAT, read_header

    try:
        metadata = read_header(file).get("__metadata__") or {}
        if metadata.get("format") != FORMAT:
            return "of another program: no part of these weights"
        kind, record = metadata["network"], json.loads(metadata["record"])
        facts = [f"{name} {value}" for name, value in record.items() if isinstance(value, (int, float, str))]
    except WeightsError as error:
        return f"cannot be read: {str(error).removeprefix(f'{file} ')}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except (AttributeError, KeyError, TypeError, ValueError):
        return "cannot be read: its description is damaged"
    if kind != file.stem:
        return f"{kind}: no part of these weights"
    return f"{metadata.get('licence', '')}  {', '.join(facts)}"


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
