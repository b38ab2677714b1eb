"""What every training stage is given: where it runs, where its files lie, and how it reports."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..device import autocast
from ..layers.attention import AttentionFunction, matrix_product, scaled_dot_product
from .data import TrainingData
from .settings import DemoSettings


@dataclass(frozen=True)
class Stage:
    """folder: the weights folder being filled; `folder/training` holds data, states and logs, and can be deleted
    afterwards.
    """

    folder: Path
    settings: DemoSettings
    data: TrainingData
    device: torch.device
    on_step: Callable[[str, int, int, dict[str, float]], None] | None = None

    @property
    def states(self) -> Path:
        return self.folder / "training"

    def weights(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    @property
    def attention(self) -> AttentionFunction:
        """Attention as two matrix products on the CPU, where the fused form's backward pass in bfloat16 is many times
        slower.
        """
        return matrix_product if self.device.type == "cpu" else scaled_dot_product

    def autocast(self) -> contextlib.AbstractContextManager:
        return autocast(self.device)


def still_pairs(
    stills: dict[str, np.ndarray], count: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Persons, and two different pictures of each, as indices [count]: reference and driving."""
    people, each = stills["emotion"].shape
    i = torch.randint(people, (count,), generator=generator).numpy()
    reference = torch.randint(each, (count,), generator=generator).numpy()
    driving = (reference + torch.randint(1, each, (count,), generator=generator).numpy()) % each
    return i, reference, driving
