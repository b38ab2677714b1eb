"""What every training stage is given: where it runs, where its files lie, and how it reports."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import autocast as torch_autocast

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


def autocast(device: torch.device) -> contextlib.AbstractContextManager:
    """bfloat16 where the processor reckons in it (CUDA; AMX or AVX-512 BF16 on recent servers), float32 elsewhere."""
    on_cpu = device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    fast = device.type == "cuda" or on_cpu
    return torch_autocast(device.type, torch.bfloat16) if fast else contextlib.nullcontext()


def pictures(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 [..., h, w, 3] -> float32 [..., 3, h, w] in 0…1 on the device."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).movedim(-1, -3).float().div_(255)


def still_pairs(
    stills: dict[str, np.ndarray], count: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Persons, and two different pictures of each, as indices [count]: reference and driving."""
    people, each = stills["emotion"].shape
    i = torch.randint(people, (count,), generator=generator).numpy()
    reference = torch.randint(each, (count,), generator=generator).numpy()
    driving = (reference + torch.randint(1, each, (count,), generator=generator).numpy()) % each
    return i, reference, driving


def box_masks(boxes: np.ndarray | torch.Tensor, size: int, device: torch.device) -> torch.Tensor:
    """Boxes [..., 4] (x0 y0 x1 y1, pixels) -> binary masks [..., 1, size, size]: M_lip, M_face (EmotiveTalk §3.3)."""
    boxes = torch.as_tensor(np.asarray(boxes), device=device)
    centres = torch.arange(size, device=device) + 0.5
    x0, y0, x1, y1 = (boxes[..., i, None] for i in range(4))
    inside_x = ((centres >= x0) & (centres < x1)).float()  # [..., size]
    inside_y = ((centres >= y0) & (centres < y1)).float()
    return (inside_y[..., :, None] * inside_x[..., None, :]).unsqueeze(-3)
