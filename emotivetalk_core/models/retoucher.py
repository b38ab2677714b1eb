"""The network that looks at a frame and at its portrait and says what of the portrait can still be seen. [ours]

A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) on patches of 4 x 4 pixels; what its answers are used for
stands in face/retouch.py. A new one says that nothing came from elsewhere and that little is the portrait's, and adds
nothing.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from ..face.resizing import enlarged
from ..face.retouch import Retouch
from ..layers.parts import Parts
from ..layers.patches import in_patches, out_of_patches
from ..layers.resnet import as_pictures_lie
from ..weight_files.checkpoint import load_network

KIND = "retoucher"
PATCH = 4
_UNIT = 0.05
"""Of the offsets, in sides of the picture: what a number of order one means."""
_DOUBTFUL = -2.0
"""Added to the shares before the sigmoid: of a new network they are an eighth."""


@dataclass(frozen=True)
class RetoucherConfig:
    """channels: of the levels, each half as fine as the one before; the finest has a place for each patch ·
    norm_groups: of the norms.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    norm_groups: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON gives a list


class Retoucher(nn.Module):
    """Frames [k, 3, s, s] and pictures [1 or k, 3, s, s], in 0…1, to a Retouch in float32, where the frames are."""

    def __init__(
        self,
        config: RetoucherConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device)
        self.config = config
        widths, groups = config.channels, config.norm_groups
        pairs = list(zip(widths, widths[1:]))
        self.stem = parts.conv2d(6 * PATCH**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_Block(fine, fine, groups, parts) for fine, _ in pairs)
        self.pool = nn.ModuleList(parts.conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)
        self.mid = _Block(widths[-1], widths[-1], groups, parts)
        self.up = nn.ModuleList(parts.conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.back = nn.ModuleList(_Block(2 * fine, fine, groups, parts) for fine, _ in pairs)
        self.flow = parts.conv2d(widths[0], 2, 3, padding=1)
        self.fine = parts.conv2d(widths[0], 5 * PATCH**2, 3, padding=1)
        for last in (self.flow, self.fine):
            for tensor in last.parameters():
                nn.init.zeros_(tensor)

    def forward(self, frames: torch.Tensor, pictures: torch.Tensor) -> Retouch:
        size, step = frames.shape[-2:], PATCH * 2 ** len(self.pool)
        whole = torch.Size(math.ceil(side / step) * step for side in size)

        def seen(each: torch.Tensor) -> torch.Tensor:
            return in_patches((enlarged(each, whole) * 2 - 1).to(self.stem.weight), PATCH)

        beside = seen(pictures).expand(len(frames), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.stem(torch.cat((seen(frames), beside), 1))
        kept = []
        for block, pool in zip(self.down, self.pool):
            x = block(x)
            kept.append(x)
            x = pool(x)
        x = self.mid(x)
        for fine, up, block in reversed(list(zip(kept, self.up, self.back))):
            x = F.interpolate(up(x), size=fine.shape[-2:], mode="bilinear")
            x = block(torch.cat((fine, x), 1))
        offset, fine = self.flow(x), out_of_patches(self.fine(x), PATCH)
        offset, fine = (each.to(frames.device, torch.float32) for each in (offset, fine))
        share, shading, added = enlarged(fine, size).split((1, 1, 3), 1)
        return Retouch(_UNIT * offset, (share + _DOUBTFUL).sigmoid(), shading.sigmoid(), added)


def load_retoucher(path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Retoucher:
    """That of a file, frozen. Raises WeightsError."""
    network = load_network(path, KIND, Retoucher, RetoucherConfig, device, dtype).requires_grad_(False)
    as_pictures_lie(network)
    return network


class _Block(nn.Module):
    """Two convolutions with norms, and what came in beside them."""

    def __init__(self, inputs: int, outputs: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.conv1 = parts.conv2d(inputs, outputs, 3, padding=1)
        self.norm1 = parts.group_norm(groups, outputs)
        self.conv2 = parts.conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = parts.group_norm(groups, outputs)
        self.skip = parts.conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.silu(self.norm1(self.conv1(x)))
        return F.silu(self.skip(x) + self.norm2(self.conv2(y)))
