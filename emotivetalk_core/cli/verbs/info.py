"""`info`: says what is installed, what the weights are, and where they lie; or counts the full size."""

import argparse
import json
from pathlib import Path

import torch

from ...device import bfloat16_unit, pick_device, pick_dtype, pick_picture_dtype
from ...errors import WeightsError
from ...models.model_set import read_sampling_defaults
from ...models.photograph_presets import DICE_TALK, SONIC
from ...models.presets import FULL, PAPER_WINDOWS
from ...sampling.flops import (
    PAPER_PARAMETERS,
    PAPER_TFLOP,
    backbone_parameters,
    clip_costs,
    fast_backbone_costs,
    photograph_cost,
)
from ...sampling.memory import clip_memory, decoder_in_tiles, photograph_memory
from ...version import __version__
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ...weight_files.checkpoint import FORMAT, read_header
from ...weight_files.manifest import MANIFEST, verify_manifest


def run(arguments: argparse.Namespace) -> None:
    if arguments.flops:
        print_flops()
    if arguments.memory:
        print_memory()
    if arguments.flops or arguments.memory:
        return

    device = pick_device(arguments.device)
    print(f"emotivetalk {__version__}, torch {torch.__version__}")
    dtype, pictures = (str(pick(device)).removeprefix("torch.") for pick in (pick_dtype, pick_picture_dtype))
    print(f"device: {device}, {dtype}" + (f"; pictures in {pictures} ({bfloat16_unit()})" if pictures != dtype else ""))
    folder = (arguments.weights or BUNDLED_WEIGHTS).resolve()
    defaults = read_sampling_defaults(folder / "ethd.safetensors")
    print(f"weights: {folder}")
    for file in sorted(folder.glob("*.safetensors")):
        print(f"  {file.stem:<17}{file.stat().st_size / 1e6:7.1f} MB  {facts_of(file)}")
    print("checksums: ", end="", flush=True)  # reading whole files takes a while
    print(checked(folder))
    print(
        f"sampling: {defaults.size}x{defaults.size} pixels, {defaults.steps} steps ({defaults.grid}), "
        f"windows of {defaults.window} frames, overlap {defaults.overlap}"
    )


def checked(folder: Path) -> str:
    """What the folder's manifest says of its files."""
    if not (folder / MANIFEST).is_file():
        return f"none, there is no {MANIFEST}"
    try:
        verify_manifest(folder)
    except WeightsError as error:
        return str(error)
    return f"all files that {MANIFEST} lists are unaltered"


def facts_of(file: Path) -> str:
    """Licence and record of a network's own file; of any other only what it is. Reads its header alone."""
    try:
        metadata = read_header(file).get("__metadata__") or {}
        if metadata.get("format") != FORMAT:
            return "from another program, not part of these weights"
        kind, record = metadata["network"], json.loads(metadata["record"])
        facts = [f"{name} {value}" for name, value in record.items() if isinstance(value, (int, float, str))]
    except WeightsError as error:
        return f"cannot be read: {str(error).removeprefix(f'{file} ')}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except (AttributeError, KeyError, TypeError, ValueError):
        return "cannot be read: its description is damaged"
    if kind != file.stem:
        return f"{kind}: not part of these weights"
    return f"{metadata.get('licence', '')}  {', '.join(facts)}"


PAPER_FRAMES = 120
"""Of 4.8 s, the clip of the paper's table 6."""


PHOTOGRAPH_FRAMES = 125
"""Ten seconds at 12.5 frames a second."""


def print_flops() -> None:
    """The full size's compute for 4.8 s, part by part, counted on shapes alone."""
    sampling = FULL.sampling
    frames = PAPER_FRAMES
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
    print("ETHD in the fast mode (`--fast`):")
    fast_costs = fast_backbone_costs(FULL, frames)
    for cost in fast_costs:
        print(f"  {cost.name:<21}{cost.forward / 1e12:>11.3f}{cost.forwards:>10}{cost.clip / 1e12:>11.2f}")
    print(f"  {'all':<42}{sum(cost.clip for cost in fast_costs) / 1e12:>11.2f}")
    paper = ", ".join(f"{name} {value:,.0f}" for name, value in PAPER_TFLOP.items())
    print(f"the paper's table 6, backbone alone: {paper}")
    parts = backbone_parameters(FULL.ethd)
    names = ", ".join(f"{name} {count:,}" for name, count in parts.items())
    print(f"ETHD's {sum(parts.values()):,} parameters: {names}; the paper's backbone has {PAPER_PARAMETERS}")
    print(f"with the weights of others, {PHOTOGRAPH_FRAMES / 12.5:.0f} s at 12.5 frames a second, windows of 25:")
    for preset in (DICE_TALK, SONIC):
        cost = photograph_cost(preset, PHOTOGRAPH_FRAMES)
        print(
            f"  {cost.name:<20}{cost.forward / 1e12:>12.3f}{cost.forwards:>10}{cost.clip / 1e12:>11.2f}"
            f"{cost.parameters:>15,}"
        )


def print_memory() -> None:
    """The full size's tensors in half precision, part by part, at the paper's two sizes, counted on shapes alone."""

    print(
        f"full size, {PAPER_FRAMES} frames, half precision, fused attention, no guidance; GB of tensors alive at once:"
    )
    for size, (window, _) in PAPER_WINDOWS.items():
        parts = clip_memory(FULL, size, PAPER_FRAMES, torch.bfloat16)
        print(f"{size}x{size} pixels, windows of {window}")
        print(f"  {'part':<20}{'weights':>10}{'work':>10}{'together':>10}")
        for part in (*parts, decoder_in_tiles(FULL, size, torch.bfloat16)):
            figures = (part.weights, part.work, part.together)
            print(f"  {part.name:<20}" + "".join(f"{figure / 1e9:>10.2f}" for figure in figures))
        weights = sum(part.weights for part in parts)
        most = max(part.together for part in parts)
        print(f"  one part at a time, as in ComfyUI: {most / 1e9:.1f}")
        print(f"  all these weights at once, as in `talk`: {(weights + max(part.work for part in parts)) / 1e9:.1f}")
    print(
        "with the weights of others, 512x512 pixels, windows of 25; 1 forward at a time, or the guidance's 3 together:"
    )
    for preset in (DICE_TALK, SONIC):
        for rows in (1, 3):
            part = photograph_memory(preset, rows, torch.bfloat16)
            figures = "".join(f"{figure / 1e9:>10.2f}" for figure in (part.weights, part.work, part.together))
            print(f"  {f'{part.name}, {rows}':<20}{figures}")
