"""Weights and inputs by a formula, for comparing the networks of FID, FVD and SyncNet with the published code."""

import math
import zlib
from collections.abc import Mapping

import torch


def values(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Standard normal numbers that hang on the name alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Of every tensor of a network's state: such that what runs through it neither dies out nor grows."""
    made = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            made[name] = torch.zeros((), dtype=torch.long)
        elif name.endswith("running_var"):
            made[name] = 1 + 0.2 * values(name, shape).abs()
        elif len(shape) > 1:
            made[name] = values(name, shape) * (2 / math.prod(shape[1:])) ** 0.5
        else:
            made[name] = float(name.endswith("weight")) + 0.1 * values(name, shape)
    return made


def inputs(network: str) -> tuple[torch.Tensor, ...]:
    """What each network is shown: two pictures; a film of 12 frames; two mouths and what is heard with them."""
    if network == "inception":
        return (values("pictures", (2, 3, 320, 240)).sigmoid(),)
    if network == "i3d":
        return (values("film", (1, 3, 12, 224, 224)).tanh(),)
    return 255 * values("mouths", (2, 3, 5, 224, 224)).sigmoid(), 10 * values("sound", (2, 1, 13, 20))
